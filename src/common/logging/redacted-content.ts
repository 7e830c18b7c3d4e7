import { PRIVATE_KINDS, type PrivateKind } from '../config/config.schema.js';
import { cutText } from '../cut-text.js';
import { findPrivateKinds } from '../privacy/private-text.js';
import { redact } from './redact.js';

/** So much of a text is looked at for each character that is kept; what is redacted is longer than what stands for it. */
const WINDOW = 2;
/** Where a text is cut, half a secret is none for `redact`: so much in front of it goes too, characters. */
const EDGE = 512;
/** The end of a sentence or line; no blank follows the marks of Chinese and Japanese. */
const BETWEEN = /(?<=[.!?;]\s|[\u3002\uff01\uff1f\uff1b]|\n)/;
const HIDDEN = '[redacted]';

/**
 * What a person wrote, as it may be written down where a tenant wants that: without credentials, and without every
 * sentence in which the detector of private text (docs/HOWTO.md) finds something. Cut, so that it costs a bounded time.
 *
 * @param most characters that are kept
 */
export function redactedContent(text: string, most: number): string {
  const isCut = text.length > WINDOW * most + EDGE;
  const seen = withoutPrivate(redact(isCut ? cutText(text, WINDOW * most + EDGE) : text));
  const shown = isCut ? seen.slice(0, -EDGE) : seen;
  return shown.length > most || isCut ? `${cutText(shown, most)}...` : shown;
}

const kindsIn = (text: string): readonly PrivateKind[] => findPrivateKinds(text, PRIVATE_KINDS);

function withoutPrivate(text: string): string {
  const kinds = kindsIn(text);
  if (kinds.length === 0) return text;
  const sentences = text.split(BETWEEN).map((sentence) => ({ sentence, found: kindsIn(sentence) }));
  const isSpread = kinds.some((kind) => !sentences.some(({ found }) => found.includes(kind)));
  const kept = sentences.map(({ sentence, found }) => (found.length > 0 ? `${HIDDEN} ` : sentence)).join('');
  return isSpread || kindsIn(kept).length > 0 ? HIDDEN : kept;
}
