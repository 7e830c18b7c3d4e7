import type { ContentPart } from '../../../common/chat.js';
import { isFields, type Fields } from '../../../common/json/fields.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';

/** A content block of Anthropic's Messages. */
export type Block = Fields;

/** What one side says until the other one does. */
export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: Block[];
}

const DATA_URL = /^data:([^;,]+)(?:;[^,]*)?;base64,/i;
const PDF = 'application/pdf';

/**
 * What Anthropic's Messages have no word for. It is the request's, so nobody else is asked for its sake.
 *
 * @param param where it stands in the request
 */
export function unsayable(param: string, what: string): UpstreamFailure {
  const message = `${param}: ${what}`;
  return new UpstreamFailure('bad_request', message, { param, providerMessage: message, isOurs: true });
}

/** A text as a block; `null` where there is nothing in it: Anthropic refuses blocks of nothing but white space. */
export const textBlock = (text: unknown): Block | null =>
  typeof text === 'string' && text.trim() !== '' ? { type: 'text', text } : null;

/** `cache_control` of a part, tool or message stays with what is made of it. */
export const withCacheControl = (block: Block, from: unknown): Block => {
  const cacheControl = isFields(from) ? from['cache_control'] : null;
  return isFields(cacheControl) ? { ...block, cache_control: cacheControl } : block;
};

/**
 * A content part of a chat message as a block.
 *
 * @param param where the part stands in the request
 * @returns `null` where it says nothing
 * @throws UpstreamFailure `bad_request` for a part that Anthropic knows nothing like
 * @see https://platform.claude.com/docs/en/api/messages
 */
export function blockOf(part: ContentPart, param: string): Block | null {
  const block = bareBlock(part, param);
  return block && withCacheControl(block, part);
}

function bareBlock(part: ContentPart, param: string): Block | null {
  if (part.type === 'image_url') return imageBlock(part['image_url'], `${param}.image_url`);
  if (part.type === 'file') return documentBlock(part['file'], `${param}.file`);
  if (part.type === 'refusal') return textBlock(part['refusal']);
  if (typeof part.text === 'string') return textBlock(part.text);
  throw unsayable(
    `${param}.type`,
    `"${String(part.type)}" is nothing that Anthropic's models take; send text, image_url or file`,
  );
}

function imageBlock(image: unknown, param: string): Block {
  const url = isFields(image) ? image['url'] : image;
  if (typeof url !== 'string') throw unsayable(`${param}.url`, 'must be a URL');
  return { type: 'image', source: sourceAt(url, `${param}.url`) };
}

function documentBlock(file: unknown, param: string): Block {
  const { file_data: data, filename } = isFields(file) ? file : {};
  if (typeof data !== 'string') {
    throw unsayable(`${param}.file_data`, 'must be a data URL; Anthropic knows no file of another provider');
  }
  const source = sourceAt(data, `${param}.file_data`);
  const title = typeof filename === 'string' && filename !== '' ? { title: filename } : {};
  if (source.type === 'url' || source.media_type === PDF) return { type: 'document', source, ...title };
  const { media_type: type, data: base64 } = source;
  if (type.startsWith('image/')) return { type: 'image', source };
  if (!type.startsWith('text/')) throw unsayable(`${param}.file_data`, `Anthropic takes ${PDF} and text, not ${type}`);
  const text = Buffer.from(base64, 'base64').toString('utf8');
  return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title };
}

type Source =
  | { readonly type: 'url'; readonly url: string }
  | { readonly type: 'base64'; readonly media_type: string; readonly data: string };

/** Where the bytes of a part are: in it, or at an address that Anthropic reads itself. */
function sourceAt(url: string, param: string): Source {
  const inline = DATA_URL.exec(url);
  if (inline) return { type: 'base64', media_type: inline[1]!.toLowerCase(), data: url.slice(inline[0].length) };
  if (/^https?:\/\//i.test(url)) return { type: 'url', url };
  throw unsayable(param, 'must be https://... or data:<type>;base64,...');
}
