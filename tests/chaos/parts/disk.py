"""A small disk of its own: ext4 in a file, mounted through a loop device. What nobody synced has not
reached the file, so a copy of the file is what a machine finds after its power went. Needs root."""

import subprocess

PIECE_BYTES, PIECE_MIN_BYTES = 1 << 20, 512


class Disk:
    def __init__(self, folder, name, megabytes):
        self.image, self.path = folder / f"{name}.img", folder / name
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        run("mkfs.ext4", "-q", "-F", "-m", "0", self.image)
        self.path.mkdir()
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", self.image, self.path)
        self.path.chmod(0o755)

    def fill(self):
        """Until not a byte more goes onto it."""
        size = PIECE_BYTES
        with open(self.path / "ballast", "wb", buffering=0) as file:
            while size >= PIECE_MIN_BYTES:
                try:
                    file.write(b"\0" * size)
                except OSError:
                    size //= 2

    def empty(self):
        (self.path / "ballast").unlink()

    def copy(self):
        """The disk as it would be found now. Whoever writes here is stopped meanwhile."""
        left = self.image.with_suffix(".left")
        run("cp", "--sparse=always", self.image, left)
        return left

    def become(self, image):
        """What lies here gives way to what lay on that copy; whoever wrote here must be dead."""
        self.remove()
        image.rename(self.image)
        self.mount()

    def remove(self):
        # Lazily: somebody may still have a log open.
        run("umount", "-l", self.path)


def run(*words):
    subprocess.run(words, check=True, capture_output=True)
