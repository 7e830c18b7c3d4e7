import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { completionIn } from '../../common/answer-shape.js';
import { readableJson } from '../../common/json/readable.js';
import type { KeyedHash } from './cache-key.js';
import { KeptAnswer } from './kept-answer.js';
import { vectorIn } from './kept-vector.js';

/** Of the form below. A replica that reads another form has a miss. */
const FORMAT = 1;
const HEAD = `["${FORMAT}","`;
/** base64url of 32 bytes. */
const SEAL_CHARACTERS = 43;
const BODY_AT = HEAD.length + SEAL_CHARACTERS + 2;
/** JSON written here has no line break, so the first one ends the note. */
const NOTE_END = ',\n';

const milliseconds = z.number().min(0);
/** Visible ASCII: it goes into a header as it is. */
const headerText = z.string().regex(/^[\x20-\x7e]{1,256}$/);
const noteSchema = z.strictObject({
  target: headerText,
  tier: z.enum(['local', 'cloud']),
  model: z.string(),
  usage: z
    .string()
    .refine((text) => readableJson(text) !== undefined)
    .nullable(),
  costUsd: milliseconds.nullable(),
  tookMs: milliseconds,
  tenant: z.string(),
  askedModel: z.string(),
  sessionId: z.string().nullable(),
  at: milliseconds,
  freshMs: milliseconds,
  staleMs: milliseconds,
});

/**
 * An answer as text for a store that others can write to: JSON, `["1", seal, note, completion]`. The seal is an HMAC over
 * the entry's name and all that follows, so that an entry which was changed, made elsewhere or put under another name is
 * known for what it is. The completion stands in it as it was kept, not as a text within a text.
 */
export function sealed(secret: KeyedHash, name: string, { text, ...note }: KeptAnswer): string {
  const body = `${JSON.stringify(note)}${NOTE_END}${text}]`;
  return `${HEAD}${sealOf(secret, name, body)}",${body}`;
}

/** @returns the answer, or why it is none, in words without anything of the text */
export function unsealed(secret: KeyedHash, name: string, entry: string): KeptAnswer | string {
  if (!entry.startsWith(HEAD)) return 'another format';
  const body = entry.slice(BODY_AT);
  const seal = entry.slice(HEAD.length, HEAD.length + SEAL_CHARACTERS);
  if (!isSame(seal, sealOf(secret, name, body))) return 'a wrong seal';
  const end = body.indexOf(NOTE_END);
  const note = noteSchema.safeParse(readableJson(body.slice(0, end)));
  const text = body.slice(end + NOTE_END.length, -1);
  if (end < 0 || !note.success || !holdsAnswer(text)) return 'no answer in it';
  return new KeptAnswer({ ...note.data, text });
}

const holdsAnswer = (text: string): boolean =>
  Boolean(completionIn(readableJson(text))?.choices?.length) || vectorIn(text) !== null;

const sealOf = (secret: KeyedHash, name: string, body: string): string => secret.of(`seal ${name}\n${body}`);

function isSame(seal: string, expected: string): boolean {
  const [a, b] = [Buffer.from(seal), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
