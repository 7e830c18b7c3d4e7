import type { ChatMessage } from '../../common/chat.js';
import { textOf } from '../../common/chat.js';
import type { PrivateKind } from '../../common/config/config.schema.js';
import { hasCardNumber, hasIban } from './private-numbers.js';
import { hasIpAddress, hasPhone, hasSsn } from './private-patterns.js';

/**
 * Secrets by the shape their issuers give them. Every quantifier that could meet the same characters twice is bounded,
 * so that a scan is linear in the text.
 */
const API_KEYS = [
  /(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])/,
  /(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{30}/,
  /(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{22}/,
  /(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20}/,
  /(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10}/,
  /(?<![A-Za-z0-9])AIza[0-9A-Za-z_-]{35}/,
  /(?<![A-Za-z0-9])(?:hf|npm)_[A-Za-z0-9]{30}/,
  /(?<![A-Za-z0-9])[rs]k_(?:live|test)_[A-Za-z0-9]{16}/,
  /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY/,
  /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{4,65536}\.[A-Za-z0-9_-]{8}/,
];
const SK_KEY = /(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,200}/g;
/** A name such as `sk-learn-pipeline-example` has neither a digit nor an unbroken random part. */
const RANDOM_PART = /[A-Za-z0-9]{16}/;

const EMAIL_LOCAL_CHARACTERS = 64; // RFC 5321 section 4.5.3.1.1
const EMAIL_DOMAIN_CHARACTERS = 255; // RFC 5321 section 4.5.3.1.2
const EMAIL_LOCAL_END = /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]$/u;
const EMAIL_DOMAIN = /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}{2,24}(?![\p{L}\p{N}])/u;

function hasEmail(text: string): boolean {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const before = text.slice(Math.max(0, at - EMAIL_LOCAL_CHARACTERS), at);
    if (!EMAIL_LOCAL_END.test(before.slice(-2)) || before.endsWith('.')) continue;
    if (EMAIL_DOMAIN.test(text.slice(at + 1, at + 1 + EMAIL_DOMAIN_CHARACTERS))) return true;
  }
  return false;
}

function hasApiKey(text: string): boolean {
  if (API_KEYS.some((pattern) => pattern.test(text))) return true;
  for (const [key] of text.matchAll(SK_KEY)) {
    if (/\d/.test(key) && RANDOM_PART.test(key)) return true;
  }
  return false;
}

const DETECTORS: Readonly<Record<PrivateKind, (text: string) => boolean>> = {
  email: hasEmail,
  phone: hasPhone,
  creditCard: hasCardNumber,
  iban: hasIban,
  ssn: hasSsn,
  ipAddress: hasIpAddress,
  apiKey: hasApiKey,
};

/** Which of `kinds` occur in a text. Reads all of it, in time linear in its length. */
export function findPrivateKinds(text: string, kinds: readonly PrivateKind[]): PrivateKind[] {
  return kinds.filter((kind) => DETECTORS[kind](text));
}

/** The same over messages: their text parts, the arguments of tool calls, and results of tools. */
export function findPrivateKindsIn(messages: readonly ChatMessage[], kinds: readonly PrivateKind[]): PrivateKind[] {
  const found = new Set<PrivateKind>();
  for (const message of messages) {
    for (const text of textsOf(message)) {
      const missing = kinds.filter((kind) => !found.has(kind));
      if (missing.length === 0) return [...kinds];
      for (const kind of findPrivateKinds(text, missing)) found.add(kind);
    }
  }
  return kinds.filter((kind) => found.has(kind));
}

function textsOf(message: ChatMessage): string[] {
  const calls = (message.tool_calls ?? []).map((call) => argumentsText(call?.function?.arguments));
  return [textOf(message), ...calls].filter((text) => text !== '');
}

const argumentsText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? ''));
