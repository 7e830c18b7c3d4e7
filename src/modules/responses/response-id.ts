import { decodeTime, ulidToUUID, uuidToULID } from 'ulid';
import { sessionIdSchema } from '../../common/session-id.js';

/** Which response of which session. */
export interface ResponseName {
  /** Of the response; its time is when the response began. */
  readonly ulid: string;
  readonly sessionId: string;
}

/** Session of a response that begins one: the response's own ULID, so that the ids stay short. */
export const ownSessionId = (ulid: string): string => `resp-${ulid}`;

/** Seconds since 1970 at which a response began. */
export const createdAt = ({ ulid }: ResponseName): number => Math.floor(decodeTime(ulid) / 1_000);

/** What follows the ULID in an id; all are small, so the text never begins with a digit. */
const OWN_SESSION = 0;
const SESSION_OF_RESPONSE = 1;
const NAMED_SESSION = 2;

const ULID_BYTES = 16;
const OF_RESPONSE = /^resp-([0-7][0-9A-HJKMNP-TV-Z]{25})$/;

const bytesOf = (ulid: string): Buffer => Buffer.from(ulidToUUID(ulid).replaceAll('-', ''), 'hex');

function ulidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return uuidToULID(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5').toUpperCase());
}

/**
 * A response and its session as one opaque text of base64url (RFC 4648 section 5), 23 characters where the response began
 * its session. It is the part that the ids of the response and of its items share, and nothing has to be looked up to
 * read it.
 */
export function codeOf(name: ResponseName): string {
  let code = codes.get(name);
  if (code === undefined) codes.set(name, (code = writtenCode(name)));
  return code;
}

/** Each response says its code in every item and event. */
const codes = new WeakMap<ResponseName, string>();

function writtenCode({ ulid, sessionId }: ResponseName): string {
  const own = bytesOf(ulid);
  if (sessionId === ownSessionId(ulid)) return Buffer.from([OWN_SESSION, ...own]).toString('base64url');
  const first = OF_RESPONSE.exec(sessionId)?.[1];
  if (first) return Buffer.from([SESSION_OF_RESPONSE, ...own, ...bytesOf(first)]).toString('base64url');
  return Buffer.concat([Buffer.from([NAMED_SESSION]), own, Buffer.from(sessionId)]).toString('base64url');
}

/** @returns `null` for what `codeOf` never made */
export function readCode(code: string): ResponseName | null {
  const bytes = Buffer.from(code, 'base64url');
  if (bytes.length <= ULID_BYTES) return null;
  const ulid = ulidOf(bytes.subarray(1, ULID_BYTES + 1));
  const sessionId = sessionIn(bytes[0]!, bytes.subarray(ULID_BYTES + 1), ulid);
  if (sessionId === null || !sessionIdSchema.safeParse(sessionId).success || !/^[0-7]/.test(ulid)) return null;
  const name = { ulid, sessionId };
  return codeOf(name) === code ? name : null;
}

function sessionIn(form: number, rest: Buffer, ulid: string): string | null {
  if (form === OWN_SESSION) return rest.length === 0 ? ownSessionId(ulid) : null;
  if (form === SESSION_OF_RESPONSE) return rest.length === ULID_BYTES ? ownSessionId(ulidOf(rest)) : null;
  return form === NAMED_SESSION ? rest.toString('latin1') : null;
}

const RESPONSE_ID = /^resp_([A-Za-z0-9_-]{23,256})$/;

/** The id that goes out with every event and object of the response. */
export const responseIdOf = (code: string): string => `resp_${code}`;

/** @returns `null` for an id that is none of ours */
export function readResponseId(id: string): ResponseName | null {
  const code = RESPONSE_ID.exec(id)?.[1];
  return code ? readCode(code) : null;
}

/** What an item of an answer can be: reasoning, a message, a call of a function, a call of a custom tool. */
export type ItemKind = 'rs' | 'msg' | 'fc' | 'ctc';

const ITEM_ID = /^(?:rs|msg|fc|ctc)_(?:\d{1,6}_)?(A[A-Za-z0-9_-]{22,255})$/;

/**
 * The id of an item of an answer. It follows from the response and the place of the item, so that a response that is read
 * again has the ids that were streamed.
 *
 * @param at of items of this kind, 0 = the first
 */
export const itemIdOf = (kind: ItemKind, at: number, code: string): string =>
  at === 0 ? `${kind}_${code}` : `${kind}_${at}_${code}`;

/** The response that an item is of; `null` for an id that is none of ours. */
export function responseOfItem(id: string): ResponseName | null {
  const code = ITEM_ID.exec(id)?.[1];
  return code ? readCode(code) : null;
}
