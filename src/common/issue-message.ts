const MISSING = ', received undefined';

/** What the schema library says of a value, in the words of the person who wrote it. */
export function issueMessage(message: string): string {
  const plain = message
    .replace(/^(Invalid (input|option)|Too (small|big)): /, '')
    .replace(/, received NaN$/, '')
    .replace(/^Unrecognized key: .*/s, 'unknown field; GET /docs shows the fields of this route')
    .replace(/^Unrecognized keys: .*/s, 'unknown field, and others with it; GET /docs shows the fields of this route');
  return plain.endsWith(MISSING) ? `missing; ${plain.slice(0, -MISSING.length)}` : plain;
}
