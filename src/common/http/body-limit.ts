import { PayloadTooLarge } from '../app-error.js';

const MIB = 1024 * 1024;

/** Tells a body that is over the limit, in the numbers a caller and an operator count in. */
export function tooLarge(limitBytes: number): PayloadTooLarge {
  const readable =
    limitBytes < MIB ? `${+(limitBytes / 1024).toFixed(1)} KiB` : `${+(limitBytes / MIB).toFixed(1)} MiB`;
  return new PayloadTooLarge(
    `The request body is larger than ${readable} (${limitBytes} bytes), the most that is accepted here ` +
      '(server.bodyLimitBytes), counted after decoding.',
  );
}
