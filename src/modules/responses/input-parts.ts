import type { ContentPart } from '../../common/chat.js';
import type { SentItem } from './sent-item.js';

const AS_TEXT: ReadonlySet<unknown> = new Set(['input_text', 'output_text', 'text', 'summary_text']);
const FILE_TYPES: ReadonlyMap<string, string> = new Map([
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['csv', 'text/csv'],
  ['json', 'application/json'],
]);

/**
 * What a person or a tool says, as content of chat completions: a text where there is one text alone.
 *
 * @param name of the field: a string, or a list of parts
 * @throws InvalidRequest that names the field
 */
export function userContent(item: SentItem, name: 'content' | 'output'): string | ContentPart[] {
  const value = item.value(name);
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) throw item.wrong(name, 'expected a string or a list of content parts');
  const parts = item.items(name).map(chatPart);
  const [only] = parts;
  return parts.length === 1 && only!.type === 'text' ? (only!.text as string) : parts;
}

function chatPart(part: SentItem): ContentPart {
  const type = part.text('type');
  if (AS_TEXT.has(type)) return { type: 'text', text: part.text('text') };
  if (type === 'input_image') return imagePart(part);
  if (type === 'input_file') return filePart(part);
  if (type === 'input_audio') return { type, input_audio: part.member('input_audio')?.fields ?? {} };
  if (type === 'refusal') return { type: 'text', text: part.text('refusal') };
  throw part.wrong('type', 'expected `input_text`, `input_image` or `input_file`');
}

function imagePart(part: SentItem): ContentPart {
  const detail = part.textOr('detail', undefined);
  return { type: 'image_url', image_url: { url: part.text('image_url'), ...(detail === undefined ? {} : { detail }) } };
}

function filePart(part: SentItem): ContentPart {
  const filename = part.textOr('filename', undefined);
  const sent = part.text('file_data');
  const ending = /\.(\w+)$/.exec(filename ?? '')?.[1]?.toLowerCase() ?? 'pdf';
  const type = FILE_TYPES.get(ending) ?? 'application/octet-stream';
  const data = sent.startsWith('data:') ? sent : `data:${type};base64,${sent}`;
  return { type: 'file', file: { ...(filename === undefined ? {} : { filename }), file_data: data } };
}

/**
 * What a model said, as one text; a refusal is what it said.
 *
 * @throws InvalidRequest that names the field
 */
export function outputText(item: SentItem): string {
  const value = item.value('content');
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) throw item.wrong('content', 'expected a string or a list of content parts');
  return item.items('content').map(spoken).join('');
}

function spoken(part: SentItem): string {
  const type = part.text('type');
  if (AS_TEXT.has(type)) return part.text('text');
  if (type === 'refusal') return part.text('refusal');
  throw part.wrong('type', 'expected `output_text` or `refusal`');
}
