const FIRST_SIZE = 8_192;

/**
 * The UTF-16 codes of one text at a time, in an array that is reused and grows to the longest. Characters of a prompt are
 * looked at several times; V8 reads an array of numbers some ten times as fast as the characters of a string, and Node
 * copies a kilobyte into one in a tenth of a microsecond. For little-endian machines, as all that this service is built
 * for.
 */
export class TextCodes {
  /** Those from `length` on belong to earlier texts. */
  codes = new Uint16Array(FIRST_SIZE);
  length = 0;
  private bytes = Buffer.from(this.codes.buffer);

  /** Reads a text in place of the one before. */
  read(text: string): this {
    this.makeRoom(text.length);
    this.bytes.write(text, 0, 'utf16le');
    this.length = text.length;
    return this;
  }

  private makeRoom(size: number): void {
    if (size <= this.codes.length) return;
    this.codes = new Uint16Array(size);
    this.bytes = Buffer.from(this.codes.buffer);
  }
}
