import type { Fault } from '../../common/http/list-schema.js';
import { isFields, type Fields } from '../../common/json/fields.js';

/** A content block, as far as every kind of them has it. */
export interface Block extends Fields {
  type: string;
}

/** Where blocks stand; each takes kinds of its own. */
export type Place = 'user' | 'assistant' | 'system' | 'tool_result' | 'document' | 'search_result';

type Check = (block: Block) => Fault | null;

const MEDIA_TYPE = /^[\w.+-]{1,64}\/[\w.+-]{1,64}$/;
const PDF = 'application/pdf';
const FILES_LIVE_ELSEWHERE =
  'files that were uploaded to Anthropic cannot be read here; send the content itself as a base64 source';

const KINDS: Readonly<Record<Place, readonly string[]>> = {
  user: ['text', 'image', 'document', 'search_result', 'tool_result'],
  assistant: ['text', 'thinking', 'redacted_thinking', 'tool_use'],
  system: ['text'],
  tool_result: ['text', 'image', 'document', 'search_result', 'tool_reference'],
  document: ['text', 'image'],
  search_result: ['text'],
};

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['text', ({ text }) => stringFault(text, 'text')],
  ['image', ({ source }) => within('source', imageSourceFault(source))],
  ['document', documentFault],
  ['search_result', searchResultFault],
  ['tool_reference', ({ tool_name: name }) => stringFault(name, 'tool_name')],
  ['tool_use', toolUseFault],
  ['tool_result', toolResultFault],
  ['thinking', ({ thinking, signature }) => stringFault(thinking, 'thinking') ?? optional(signature, 'signature')],
  ['tool_reference', ({ tool_name: name }) => stringFault(name, 'tool_name')],
  ['redacted_thinking', ({ data }) => stringFault(data, 'data')],
]);

/** What is wrong with a text or a list of blocks, as `content` and `system` are one of both; `null` = nothing. */
export function contentFault(content: unknown, place: Place): Fault | null {
  if (typeof content === 'string') return null;
  if (content === undefined || content === null) return fault([], 'missing; expected a string or a list of blocks');
  if (!Array.isArray(content)) return fault([], 'expected a string or a list of content blocks');
  return listFault(content, place);
}

function listFault(content: readonly unknown[], place: Place): Fault | null {
  for (let at = 0; at < content.length; at += 1) {
    const found = blockFault(content[at], place);
    if (found) return within(at, found);
  }
  return null;
}

function blockFault(block: unknown, place: Place): Fault | null {
  if (!isFields(block)) return fault([], 'expected a content block, which is an object');
  const { type } = block;
  if (typeof type !== 'string') return stringFault(type, 'type');
  const check = KINDS[place].includes(type) ? CHECKS.get(type) : undefined;
  // agents send a result again with every request: a 400 for what a newer one has in it would end their session
  if (!check && place === 'tool_result') return null;
  return check ? check(block as Block) : fault(['type'], `not possible here; expected ${KINDS[place].join(', ')}`);
}

function imageSourceFault(source: unknown): Fault | null {
  if (!isFields(source)) return fault([], 'expected an object');
  switch (source['type']) {
    case 'base64':
      return mediaTypeFault(source) ?? stringFault(source['data'], 'data');
    case 'url':
      return stringFault(source['url'], 'url');
    case 'file':
      return fault(['type'], FILES_LIVE_ELSEWHERE);
    default:
      return fault(['type'], 'expected base64 or url');
  }
}

function documentFault({ source, title, context }: Block): Fault | null {
  return within('source', documentSourceFault(source)) ?? optional(title, 'title') ?? optional(context, 'context');
}

function documentSourceFault(source: unknown): Fault | null {
  if (!isFields(source)) return fault([], 'expected an object');
  switch (source['type']) {
    case 'base64': {
      const type = source['media_type'];
      return type === PDF ? stringFault(source['data'], 'data') : fault(['media_type'], `expected ${PDF}`);
    }
    case 'text':
      return stringFault(source['data'], 'data');
    case 'content':
      return within('content', contentFault(source['content'], 'document'));
    case 'url':
      return fault(['url'], 'documents are not fetched here; send the document itself as a base64 source');
    case 'file':
      return fault(['type'], FILES_LIVE_ELSEWHERE);
    default:
      return fault(['type'], 'expected base64, text or content');
  }
}

function searchResultFault({ source, title, content }: Block): Fault | null {
  return (
    stringFault(source, 'source') ??
    stringFault(title, 'title') ??
    within('content', contentFault(content, 'search_result'))
  );
}

function toolUseFault({ id, name, input }: Block): Fault | null {
  const named = stringFault(id, 'id') ?? stringFault(name, 'name');
  if (named || input === undefined || input === null || isFields(input)) return named;
  return fault(['input'], 'expected an object');
}

function toolResultFault({ tool_use_id: id, content }: Block): Fault | null {
  const named = stringFault(id, 'tool_use_id');
  if (named || content === undefined || content === null) return named;
  return within('content', contentFault(content, 'tool_result'));
}

/** It becomes part of a `data:` URL. */
function mediaTypeFault({ media_type: type }: Fields): Fault | null {
  if (typeof type === 'string' && MEDIA_TYPE.test(type)) return null;
  return fault(['media_type'], 'expected a media type such as image/png');
}

function stringFault(value: unknown, name: string): Fault | null {
  if (typeof value === 'string') return null;
  return fault([name], value === undefined || value === null ? 'missing; expected a string' : 'expected a string');
}

const optional = (value: unknown, name: string): Fault | null =>
  value === undefined || value === null ? null : stringFault(value, name);

const fault = (path: PropertyKey[], message: string): Fault => ({ path, message });

const within = (step: PropertyKey, found: Fault | null): Fault | null =>
  found && { path: [step, ...found.path], message: found.message };
