//! Enrolment photos: what is taken for one, and what is left of it. Pure. A photo is decoded and
//! drawn anew, so that nothing stays of what a camera or a forger wrote beside the picture.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder,
    imageops::FilterType,
};

use crate::base::error::Code;

/// Pixels of a side: less shows no face, more is a flood.
const SIDE_MIN: u32 = 200;
const SIDE_MAX: u32 = 4096;
/// What decoding may take: a picture of the largest size in three bytes a pixel, and some.
const MEMORY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Pixels of the longer side that are kept; terminals want no more.
const KEPT_SIDE: u32 = 640;
const QUALITY: u8 = 90;
/// How every JPEG begins.
const MAGIC: [u8; 3] = [0xff, 0xd8, 0xff];

/// A photo as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    pub jpeg: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// Reads an upload. Refuses with `photo_format` or `photo_size`.
pub fn read(bytes: &[u8]) -> Result<Photo, Code> {
    if !bytes.starts_with(&MAGIC) {
        return Err(Code::PhotoFormat);
    }
    let picture = decode(bytes)?;
    let (width, height) = (picture.width(), picture.height());
    if width.min(height) < SIDE_MIN {
        return Err(Code::PhotoSize);
    }
    let kept = if width.max(height) > KEPT_SIDE {
        picture.resize(KEPT_SIDE, KEPT_SIDE, FilterType::Triangle)
    } else {
        picture
    };
    let kept = kept.to_rgb8();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode_image(&kept)
        .map_err(|_| Code::PhotoFormat)?;
    Ok(Photo { jpeg, width: kept.width(), height: kept.height() })
}

/// The picture, turned as its camera was held.
fn decode(bytes: &[u8]) -> Result<DynamicImage, Code> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Jpeg);
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(MEMORY_BYTES_MAX);
    reader.limits(limits);
    let sort = |error: &image::ImageError| match error {
        image::ImageError::Limits(_) => Code::PhotoSize,
        _ => Code::PhotoFormat,
    };
    let mut decoder = reader.into_decoder().map_err(|error| sort(&error))?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > SIDE_MAX {
        return Err(Code::PhotoSize);
    }
    let turned = decoder.orientation().map_err(|error| sort(&error))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| sort(&error))?;
    picture.apply_orientation(turned);
    Ok(picture)
}

#[cfg(test)]
pub fn sample(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([x, y, x * y].map(|n| u8::try_from(n % 256).unwrap()))
    });
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&picture).unwrap();
    jpeg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(bytes: &[u8]) -> Code {
        read(bytes).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_photo_is_drawn_anew_and_small() {
        let photo = read(&sample(1200, 1600)).unwrap();
        assert_eq!((photo.width, photo.height), (480, 640));
        assert!(photo.jpeg.starts_with(&MAGIC));
        let small = read(&sample(200, 300)).unwrap();
        assert_eq!((small.width, small.height), (200, 300));
    }

    #[test]
    fn nothing_stays_of_what_stood_beside_the_picture() {
        const MARK: &[u8] = b"canary: where and by whom this was taken, and a script";
        let plain = sample(300, 400);
        let mut marked = plain[..2].to_vec();
        // A comment segment, and something behind the end of the picture.
        let length = u16::try_from(MARK.len() + 2).unwrap();
        marked.extend_from_slice(&[0xff, 0xfe]);
        marked.extend_from_slice(&length.to_be_bytes());
        marked.extend_from_slice(MARK);
        marked.extend_from_slice(&plain[2..]);
        marked.extend_from_slice(MARK);
        let photo = read(&marked).unwrap();
        let found = photo.jpeg.windows(MARK.len()).any(|window| window == MARK);
        assert!(!found);
    }

    #[test]
    fn what_is_no_photo_of_a_face_is_refused() {
        let good = sample(300, 400);
        assert_eq!(code(b""), Code::PhotoFormat);
        assert_eq!(code(b"\x89PNG\r\n\x1a\n"), Code::PhotoFormat);
        assert_eq!(code(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Code::PhotoFormat);
        assert_eq!(code(&MAGIC), Code::PhotoFormat);
        assert_eq!(code(&good[..100]), Code::PhotoFormat);
        assert_eq!(code(&sample(199, 400)), Code::PhotoSize);
        let mut flood = good.clone();
        // The frame header's height and width, written over with 65 500 pixels each.
        let frame = flood.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        flood[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
        assert_eq!(code(&flood), Code::PhotoSize);
    }
}
