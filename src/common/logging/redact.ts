import { passesLuhn } from '../privacy/digit-groups.js';
import { withoutKnownSecrets } from './known-secrets.js';
import { SECRET_NAMES, SECRET_SHAPES } from '../secret-shapes.js';

const HIDDEN = '[redacted]';

const URL_PASSWORD = /(\/\/[^\s/:@]{0,256}:)[^\s/@]{1,512}@/g;
/** Also as a URL holds it. */
const EMAIL = /[A-Za-z0-9._%+-]{1,64}(?:@|%40)(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}/g;
const CREDENTIAL = /\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{8,}=*/gi;
const NAMED_SECRET = new RegExp(
  `\\b(${SECRET_NAMES.join('|')})(["']?\\s*[:=]\\s*["']?)(?!\\[redacted\\]|bearer\\b|basic\\b)[^\\s"',;&)}]{4,}`,
  'gi',
);
const SHAPES = SECRET_SHAPES.map(({ prefix, rest }) => `${prefix.replaceAll('.', '\\.')}${rest}`).join('|');
/** The shapes of issuers; a JWT, also one without its signature; 32 or more hex digits (Azure OpenAI). */
const KEY = new RegExp(
  `\\b(?:(?:${SHAPES})[\\w-]*|eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}(?:\\.[A-Za-z0-9_-]*)?|[0-9a-fA-F]{32,})`,
  'g',
);
/** ISO/IEC 7812 numbers have 13 to 19 digits and a check digit, which timestamps and counters do not pass; written with or without single blanks or hyphens. */
const CARD = /\b\d(?:[ -]?\d){12,18}\b/g;

/**
 * Text without e-mail addresses, credentials, keys (those of the configuration by what they are, others
 * by how they look) and card numbers; each becomes `[redacted]`, its surroundings stay.
 * For text that people or other programs wrote, such as error messages: structured fields are ours and hold none. Linear
 * in the length of the text.
 */
export function redact(text: string): string {
  return withoutKnownSecrets(text, HIDDEN)
    .replace(URL_PASSWORD, `$1${HIDDEN}@`)
    .replace(CREDENTIAL, `$1 ${HIDDEN}`)
    .replace(NAMED_SECRET, `$1$2${HIDDEN}`)
    .replace(KEY, HIDDEN)
    .replace(EMAIL, HIDDEN)
    .replace(CARD, (number) => (passesLuhn(number.replaceAll(/\D/g, '')) ? HIDDEN : number));
}
