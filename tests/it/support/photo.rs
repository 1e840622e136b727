//! Pictures as a camera makes them, with something beside the picture that must not be kept.

/// What must not be found anywhere once a photo has been taken.
pub const CANARY: &[u8] = b"canary-of-64-bytes-that-a-camera-wrote-beside-the-picture-000000";

/// A JPEG with the canary in a comment and behind its end.
pub fn picture(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([x, y, x + y].map(|n| u8::try_from(n % 256).unwrap()))
    });
    let mut plain = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut plain).encode_image(&picture).unwrap();
    let mut marked = plain[..2].to_vec();
    marked.extend_from_slice(&[0xff, 0xfe]);
    marked.extend_from_slice(&u16::try_from(CANARY.len() + 2).unwrap().to_be_bytes());
    marked.extend_from_slice(CANARY);
    marked.extend_from_slice(&plain[2..]);
    marked.extend_from_slice(CANARY);
    marked
}
