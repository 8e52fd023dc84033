"""Members of tars and zips, read from front to back: what unpacking would give, or an error that
names the member."""

import lzma
import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from ncssl.data.files import LIMIT, Parts, parts_of, plain, progress
from ncssl.errors import BadFile

HEADER = 2**20  # bytes of a name or a table of values in a tar's header
TIMES = 100  # an archive above LIMIT that unpacks to more than so many times its size is a bomb
CHAIN = 16  # links to links that are followed
# first bytes of what is not read
OTHERS = {b"7z\xbc\xaf": "7z", b"Rar!": "rar", b"\x28\xb5\x2f\xfd": "zstd"}
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # a method of compression that is not there, too
    MemoryError,
    OverflowError,
    lzma.LZMAError,
    zlib.error,
)
LONG = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class _StrictHeader(tarfile.TarInfo):
    """A tar header; tarfile takes a damaged or cut one for the end of the archive, this one
    raises."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        header = super().frombuf(buf, encoding, errors)
        if header.type in LONG and header.size > HEADER:  # tarfile would read that many bytes
            raise tarfile.ReadError(f"a header of {header.size} bytes")
        return header

    @classmethod
    def fromtarfile(cls, archive):
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"damaged or missing header: {error}") from error


def members(path: Path, wanted: Callable[[Parts], bool]) -> Iterator[tuple[Parts, bytes]]:
    """(path parts, bytes) of the wanted members of a tar of any compression or a zip; of two with
    one name both, in their order: the second stands. Links to members are resolved.

    Raises BadFile for a damaged archive, another kind, members that are no files, and what unpacks
    beyond all bounds.
    """
    with open(plain(path), "rb") as file:
        start = file.read(4)
    if start in OTHERS:
        raise BadFile(
            path,
            f"is a {OTHERS[start]} archive, which is not read",
            "unpack it and give the folder",
        )
    zipped = start in (b"PK\3\4", b"PK\5\6")
    at = [""]
    try:
        yield from (_zip if zipped else _tar)(path, wanted, at)
    except BadFile:
        raise
    except DAMAGE as error:
        where = f"after member {at[0]!r}" if at[0] else "at its start"
        # tarfile writes a line for each compression
        why = " ".join(str(error).split()) or type(error).__name__
        kind = "zip" if zipped else "tar"
        raise BadFile(
            path, f"not a whole {kind} archive ({where}: {why})", "copy or download it again"
        ) from error


def _no(path: Path, name: str, why: str) -> BadFile:
    return BadFile(
        path, f"member {name!r} {why}", "unpack it, see to that file and give the folder"
    )


def _bounded(path: Path, name: str, size: int, end: int) -> None:
    """Raises BadFile for a member larger than LIMIT, or one that ends beyond what an archive can
    honestly hold."""
    if size > LIMIT:
        raise _no(path, name, f"has {size} bytes, more than {LIMIT}")
    if end > max(LIMIT, TIMES * path.stat().st_size):
        raise BadFile(
            path,
            f"unpacks to more than {TIMES} times its size at {name!r}",
            "see where it comes from",
        )


def _tar(
    path: Path, wanted: Callable[[Parts], bool], at: list[str]
) -> Iterator[tuple[Parts, bytes]]:
    with (
        open(path, "rb") as raw,
        progress(path.name, path.stat().st_size, "B") as bar,
        tarfile.open(fileobj=raw, mode="r:*", tarinfo=_StrictHeader) as archive,
    ):
        for member in archive:
            parts, at[0] = parts_of(member.name), member.name
            _bounded(
                path,
                member.name,
                member.size if wanted(parts) else 0,
                member.offset_data + member.size,
            )
            if member.isfile() and parts and wanted(parts):
                yield parts, _read(archive, member)
            elif (
                parts and wanted(parts) and not (member.isdir() or member.issym() or member.islnk())
            ):
                raise _no(path, member.name, "is a pipe or a device, no file")
            bar.update(raw.tell() - bar.n)
        end = archive.fileobj.tell()
        # to the end, so that the compressor's checksum is compared
        while block := archive.fileobj.read(1 << 20):
            end += len(block)
            _bounded(path, at[0], 0, end)
        yield from _linked(path, archive, wanted)


def _linked(path: Path, archive: tarfile.TarFile, wanted) -> Iterator[tuple[Parts, bytes]]:
    """Wanted members that are links, with the bytes of the files they lead to, in the order of
    these."""
    last = {parts_of(member.name): member for member in archive.getmembers()}
    links = {parts: member for parts, member in last.items() if member.issym() or member.islnk()}
    found = []
    for parts, link in links.items():
        target = _target(last, link)
        if wanted(parts):
            if target not in last or not last[target].isfile():
                raise _no(
                    path,
                    link.name,
                    f"is a link to {link.linkname!r}, which is no file in the archive",
                )
            found.append((last[target].offset_data, parts, last[target]))
        elif target is not None and any(p[: len(target)] == target and wanted(p) for p in last):
            raise _no(path, link.name, f"is a link to the folder {link.linkname!r}")
    for _, parts, member in sorted(found, key=lambda row: row[0]):
        yield parts, _read(archive, member)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None, "member is a file, no folder and no device"
    return file.read()


def _target(last: dict[Parts, tarfile.TarInfo], link: tarfile.TarInfo) -> Parts | None:
    """Where a chain of links ends: the parts of a file or folder, None where it leads out or in a
    circle."""
    for _ in range(CHAIN):
        beside = posixpath.dirname(link.name) if link.issym() else ""
        try:
            parts = parts_of(posixpath.join(beside, link.linkname))
        except ValueError:
            return None
        found = last.get(parts)
        if found is None or not (found.issym() or found.islnk()):
            return parts
        link = found
    return None


def _zip(
    path: Path, wanted: Callable[[Parts], bool], at: list[str]
) -> Iterator[tuple[Parts, bytes]]:
    with zipfile.ZipFile(path) as archive, progress(path.name, path.stat().st_size, "B") as bar:
        end = 0
        for member in archive.infolist():
            parts, at[0], end = parts_of(member.filename), member.filename, end + member.file_size
            _bounded(path, member.filename, member.file_size if wanted(parts) else 0, end)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind == stat.S_IFLNK or (kind not in (0, stat.S_IFREG) and parts and wanted(parts)):
                raise _no(path, member.filename, "is a link or a device, no file")
            if not member.is_dir() and parts and wanted(parts):
                yield parts, archive.read(member)
            bar.update(member.compress_size)
