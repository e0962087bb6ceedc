// Files that the page writes and reads itself: CSV, and archives whose members are stored as they are.

const quoted = (cell) => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

function writeCsv(rows) {
  return rows.map((cells) => `${cells.map(quoted).join(",")}\n`).join("");
}

/** The cells of each line that has any. */
function readCsv(text) {
  const rows = [[]];
  // A quoted cell or a plain one, and what ends it.
  for (const [all, inside, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/g)) {
    if (all === "" && rows.at(-1).length === 0) break;
    rows.at(-1).push(inside === undefined ? plain.trim() : inside.replaceAll('""', '"'));
    if (end === "") break;
    if (end !== ",") rows.push([]);
  }
  return rows.filter((cells) => cells.some(Boolean));
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit += 1) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Most members and bytes of an archive in the format of 1989; more takes another. */
const ZIP = { members: 65_535, bytes: 0xffff_ffff };

/** What stands before a member, or in the list at the end. */
function zipHead(isListed, { name, crc, size, place }, when) {
  const [year, month, day] = [when.getFullYear() - 1980, when.getMonth() + 1, when.getDate()];
  const date = (year << 9) | (month << 5) | day;
  const time = (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1);
  const head = new DataView(new ArrayBuffer(isListed ? 46 : 30));
  let at = 0;
  const put = (bytes, ...values) => {
    for (const value of values) {
      if (bytes === 2) head.setUint16(at, value, true);
      else head.setUint32(at, value, true);
      at += bytes;
    }
  };
  put(4, isListed ? 0x02014b50 : 0x04034b50);
  if (isListed) put(2, 20);
  // Version 2.0, names in UTF-8, stored as it is.
  put(2, 20, 0x0800, 0, time, date);
  put(4, crc, size, size);
  put(2, name.length, 0);
  if (isListed) {
    put(2, 0, 0, 0);
    put(4, 0, place);
  }
  return head;
}

/** An archive of members with `name` and `blob`. */
async function zip(members) {
  const when = new Date();
  const written = [];
  const listed = [];
  let place = 0;
  let length = 0;
  for (const { name, blob } of members) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const member = { name: new TextEncoder().encode(name), crc: crc32(bytes), size: bytes.length, place };
    written.push(zipHead(false, member, when), member.name, blob);
    listed.push(zipHead(true, member, when), member.name);
    place += 30 + member.name.length + member.size;
    length += 46 + member.name.length;
    if (members.length > ZIP.members || place > ZIP.bytes) {
      throw new Error("This is more than an archive of this kind holds: 65,535 files, 4 GB. Give fewer pictures.");
    }
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, members.length, true);
  end.setUint16(10, members.length, true);
  end.setUint32(12, length, true);
  end.setUint32(16, place, true);
  return new Blob([...written, ...listed, end], { type: "application/zip" });
}

/** A name that one file or folder may have on every system. */
function fileName(text) {
  const plain = text.replace(/[/\\:*?"<>|\p{Cc}]/gu, "_").replace(/^[.\s]+|[.\s]+$/g, "");
  return plain.slice(0, 60) || "_";
}

const ENDINGS = { "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "image/bmp": "bmp", "image/tiff": "tif" };
const ending = (blob) => ENDINGS[blob.type] ?? /\.(\w{1,5})$/.exec(blob.name ?? "")?.[1].toLowerCase() ?? "jpg";
