import { pino } from 'pino';

/** Where log lines go: one call per line, line break included. */
export interface LogDestination {
  write(line: string): void;
  /** Resolves once everything written so far has left the process. */
  flush(): Promise<void>;
}

const STDOUT = 1;
const WRITE_AT_BYTES = 32_768;
const FLUSH_EVERY_MS = 100;
const BUFFER_LIMIT_BYTES = 16_777_216;

/**
 * JSON leaves these as they are, but terminals and log viewers obey them: DEL and the C1 controls (ECMA-48), the Unicode
 * line breaks, and the bidirectional overrides. In a JSON line they can only stand inside a string, where the escape
 * means the same.
 */
const OBEYED_BY_VIEWERS = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const DEL = 0x7f;

/** A JSON line, in UTF-8, that no terminal reads as commands or as more than one line. */
export function escapeControls(line: string): Buffer {
  const bytes = Buffer.from(line);
  const isAscii = bytes.length === line.length;
  if (isAscii && !bytes.includes(DEL)) return bytes;
  return Buffer.from(
    line.replace(OBEYED_BY_VIEWERS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/**
 * Standard output, written in the background: a synchronous write to a pipe whose reader is slow stops the event loop
 * for as long as the reader likes. Lines leave after 32 KiB or 100 ms; what is still buffered leaves when the process
 * exits. Await `flush()` before an exit all the same: it alone waits for a write that a slow reader holds up. A reader
 * that stalls costs at most 16 MiB; lines beyond that are dropped, and a line says how many.
 */
export function openStdout(bufferLimitBytes = BUFFER_LIMIT_BYTES): LogDestination {
  const stream = pino.destination({
    fd: STDOUT,
    sync: false,
    minLength: WRITE_AT_BYTES,
    maxWrite: 2 * WRITE_AT_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
    maxLength: bufferLimitBytes,
    contentMode: 'buffer', // as text, it would measure all that is buffered again with every line
  });
  // its types know no other mode than text
  const write = (line: string) => stream.write(escapeControls(line) as unknown as string);
  let dropped = 0;
  stream.on('drop', () => (dropped += 1));
  stream.on('drain', () => {
    if (dropped === 0) return;
    const notice = {
      level: 'warn',
      time: new Date().toISOString(),
      dropped,
      msg: 'log lines dropped: nobody read them',
    };
    dropped = 0;
    write(`${JSON.stringify(notice)}\n`);
  });
  return {
    write,
    flush: () => new Promise((resolve) => stream.flush(() => resolve())),
  };
}
