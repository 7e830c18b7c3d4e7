import { UsageError } from '../command.js';

/** @throws UsageError that says what the option takes */
export function numberIn(name: string, text: string, min: number, max: number, whole = true): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw new UsageError(
      `--${name} takes ${whole ? 'a whole number' : 'a number'} from ${min} to ${max}, not "${text}"`,
    );
  }
  return value;
}

/** `null` = the option was not given. */
export function optionalNumber(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
  whole = true,
): number | null {
  return text === undefined ? null : numberIn(name, text, min, max, whole);
}

/** A header as `name: value` (RFC 9110 section 5.1 and 5.5), its name in lower case. */
export function pairOf(option: string, text: string): [name: string, value: string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\x20-\x7e]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new UsageError(`--${option} takes a header such as "x-request-id: a1", not "${text}"`);
  }
  return [name.toLowerCase(), value];
}
