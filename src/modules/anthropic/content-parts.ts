import type { ContentPart } from '../../common/chat.js';
import { isFields, type Fields } from '../../common/json/fields.js';
import type { Block } from './content-faults.js';

const DEFAULT_FILE_NAME = 'document.pdf';
/** Of a block that nobody knows; enough to see what it is. */
const MOST_UNKNOWN = 4_000;

/**
 * Blocks of text, images, documents and search results as parts of a chat message, with their `cache_control`. Texts stay
 * apart from each other: whoever looks for private text looks over the borders of parts, and not over line breaks.
 */
export function partsFrom(content: string | readonly Block[]): ContentPart[] {
  if (typeof content === 'string') return [textPart(content)];
  return content.flatMap((block) => withCacheControl(partsFromBlock(block), block));
}

/** A string where it is one text with nothing to it, as every server takes that. */
export function contentFrom(parts: ContentPart[]): string | ContentPart[] {
  const [only, ...more] = parts;
  if (!only) return '';
  return more.length === 0 && isPlainText(only) ? (only.text as string) : parts;
}

const textPart = (text: string): ContentPart => ({ type: 'text', text });

const isPlainText = (part: ContentPart): boolean => part.type === 'text' && part['cache_control'] === undefined;

function partsFromBlock(block: Block): ContentPart[] {
  if (block.type === 'text') return [textPart(block['text'] as string)];
  if (block.type === 'image') return [imagePart(block['source'] as Fields)];
  if (block.type === 'document') return documentParts(block);
  if (block.type === 'search_result') return searchResultParts(block);
  // a search for tools found it, and the client lists it among `tools` from now on
  if (block.type === 'tool_reference') return [textPart(`The tool ${block['tool_name'] as string} can be called now.`)];
  return [textPart(jsonOf(block))];
}

/** Of a kind that is new in results of tools; everywhere else it was refused. */
function jsonOf(block: Block): string {
  const json = JSON.stringify(block);
  return json.length > MOST_UNKNOWN ? `${json.slice(0, MOST_UNKNOWN).toWellFormed()}...` : json;
}

function imagePart({ type, url, media_type: media, data }: Fields): ContentPart {
  const place = type === 'url' ? url : `data:${media as string};base64,${data as string}`;
  return { type: 'image_url', image_url: { url: place } };
}

function documentParts({ title, context, source }: Block): ContentPart[] {
  const about = [title, context].filter((text): text is string => typeof text === 'string' && text !== '');
  const { type, data, content } = source as Fields;
  const before = about.map(textPart);
  if (type === 'text') return [...before, textPart(data as string)];
  if (type === 'content') return [...before, ...partsFrom(content as string | Block[])];
  const name = typeof title === 'string' && title !== '' ? title : DEFAULT_FILE_NAME;
  const file = { filename: name, file_data: `data:application/pdf;base64,${data as string}` };
  return [...(typeof context === 'string' && context !== '' ? [textPart(context)] : []), { type: 'file', file }];
}

function searchResultParts({ title, source, content }: Block): ContentPart[] {
  return [textPart(title as string), textPart(source as string), ...partsFrom(content as string | Block[])];
}

/** The mark says that everything up to the end of its block is worth keeping. */
function withCacheControl(parts: ContentPart[], { cache_control: mark }: Block): ContentPart[] {
  const last = parts.at(-1);
  if (isFields(mark) && last) last['cache_control'] = mark;
  return parts;
}
