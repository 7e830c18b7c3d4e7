import { createReadStream } from 'node:fs';

/** As much is looked through before other work has its turn, bytes. */
const PIECE = 256 * 1024;
/** No line of the log is longer, bytes. */
const LONGEST_LINE = 64 * 1024;
const NEWLINE = 10;

/**
 * Whether a file of JSON lines has one with this text in it that `isIt` accepts; without the file, no. Reads in pieces, so
 * that the event loop goes on turning.
 */
export async function hasLine(file: string, text: string, isIt: (line: unknown) => boolean): Promise<boolean> {
  const needle = Buffer.from(text);
  let rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  try {
    for await (const piece of createReadStream(file, { highWaterMark: PIECE }) as AsyncIterable<Buffer>) {
      const read = Buffer.concat([rest, piece]);
      const end = read.lastIndexOf(NEWLINE) + 1;
      if (hasIn(read.subarray(0, end), needle, isIt)) return true;
      rest = read.length - end > LONGEST_LINE ? Buffer.alloc(0) : read.subarray(end);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return false;
}

function hasIn(lines: Buffer, needle: Buffer, isIt: (line: unknown) => boolean): boolean {
  for (let at = lines.indexOf(needle); at >= 0; at = lines.indexOf(needle, at + 1)) {
    const start = lines.lastIndexOf(NEWLINE, at) + 1;
    const line = lines.toString('utf8', start, lines.indexOf(NEWLINE, at));
    if (isIt(JSON.parse(line))) return true;
  }
  return false;
}
