import { randomFillSync } from 'node:crypto';

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const ZEROS = /^0+$/;

/** Random bytes that are fetched in one go, as each fetch costs more than all the rest. */
const pool = Buffer.allocUnsafe(8_192);
let at = pool.length;

function randomHex(bytes: number): string {
  if (at + bytes > pool.length) {
    randomFillSync(pool);
    at = 0;
  }
  const id = pool.toString('hex', at, at + bytes);
  at += bytes;
  return id.startsWith('0000') && ZEROS.test(id) ? randomHex(bytes) : id; // zeros alone are no id
}

/** 32 hex digits. */
export const newTraceId = (): string => randomHex(TRACE_ID_BYTES);
/** 16 hex digits. */
export const newSpanId = (): string => randomHex(SPAN_ID_BYTES);
