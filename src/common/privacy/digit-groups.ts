/** Source: between two groups of digits at most three of ` ( ) - . / _ ·`; a blank and a hyphen are a negative number's sign. */
export const GAP = '[ ()./_\\u00b7-]{1,3}(?<! -)(?=\\d)';
const SEPARATORS = new RegExp(GAP, 'y');

/** What a sticky pattern matches at a place of a text. */
export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Whether a sticky pattern matches at a place of a text. */
export function isAt(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}

/** Where the next group of digits begins, behind what may stand between two of one number; -1 when none does. */
export const nextGroup = (text: string, at: number): number => (isAt(SEPARATORS, text, at) ? SEPARATORS.lastIndex : -1);

/** Luhn's check digit (ISO/IEC 7812-1 annex B). @param digits nothing else */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = digits.length - 1, second = false; i >= 0; i -= 1, second = !second) {
    const counts = (digits.charCodeAt(i) - 48) * (second ? 2 : 1);
    sum += counts > 9 ? counts - 9 : counts;
  }
  return sum % 10 === 0;
}
