import { isFields, type Fields } from '../../src/common/json/fields.js';

/** Fields that Anthropic's Messages know; all others are refused. */
const KNOWN = new Set([
  ...['model', 'max_tokens', 'messages', 'system', 'stream', 'tools', 'tool_choice', 'stop_sequences', 'metadata'],
  ...['temperature', 'top_p', 'top_k', 'thinking', 'output_config', 'cache_control', 'service_tier', 'container'],
]);
const SAMPLING = ['temperature', 'top_p', 'top_k'];
const WITHOUT_SAMPLING = '2026-10-21';
const BLOCK_FIELDS: Readonly<Record<string, readonly string[]>> = {
  text: ['type', 'text', 'cache_control', 'citations'],
  image: ['type', 'source', 'cache_control'],
  document: ['type', 'source', 'title', 'cache_control'],
  tool_use: ['type', 'id', 'name', 'input', 'cache_control'],
  tool_result: ['type', 'tool_use_id', 'content', 'is_error', 'cache_control'],
  thinking: ['type', 'thinking', 'signature'],
  redacted_thinking: ['type', 'data'],
};
const TOOL_FIELDS = new Set(['name', 'description', 'input_schema', 'strict', 'cache_control', 'type']);
const ID = /^[a-zA-Z0-9_-]+$/;

/** Why Anthropic refuses this; thrown and caught here alone. */
class Refused extends Error {}

function refuseUnless(holds: boolean, why: string): asserts holds {
  if (!holds) throw new Refused(why);
}

/**
 * What Anthropic would refuse a request for, in its words; `null` where it takes it. As strict as the service in what it
 * documents and what callers met.
 *
 * @param version of the header `anthropic-version`
 * @see https://platform.claude.com/docs/en/api/messages
 */
export function refusalOf(body: unknown, version: unknown): string | null {
  try {
    refuseUnless(version === '2023-06-01' || version === WITHOUT_SAMPLING, 'anthropic-version: header is required');
    refuseUnless(isFields(body), 'The request body is not valid JSON');
    checkTop(body, version);
    checkTools(body);
    checkTurns(body['messages'], isFields(body['thinking']) && body['thinking']['type'] === 'enabled');
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

function checkTop(body: Fields, version: string): void {
  for (const field of Object.keys(body)) refuseUnless(KNOWN.has(field), `${field}: Extra inputs are not permitted`);
  refuseUnless(typeof body['model'] === 'string', 'model: Field required');
  const { max_tokens: most, temperature, stop_sequences: stops, metadata, thinking } = body;
  refuseUnless(Number.isInteger(most) && Number(most) >= 1, 'max_tokens: Field required');
  refuseUnless(
    temperature === undefined || (Number(temperature) >= 0 && Number(temperature) <= 1),
    'temperature: range: 0..1',
  );
  for (const field of SAMPLING) {
    const isThere = Object.hasOwn(body, field);
    refuseUnless(!isThere || version !== WITHOUT_SAMPLING, `${field}: not supported in this API version`);
  }
  refuseUnless(
    !Object.hasOwn(body, 'temperature') || !Object.hasOwn(body, 'top_p'),
    '`temperature` and `top_p` cannot both be specified',
  );
  for (const stop of Array.isArray(stops) ? stops : []) {
    refuseUnless(
      typeof stop === 'string' && stop.trim() !== '',
      'stop_sequences: each stop sequence must contain non-whitespace',
    );
  }
  refuseUnless(
    metadata === undefined || String((metadata as Fields)['user_id']).length <= 256,
    'metadata.user_id: too long',
  );
  if (!isFields(thinking) || thinking['type'] === 'disabled') return;
  refuseUnless(
    temperature === undefined || temperature === 1,
    '`temperature` may only be set to 1 when thinking is enabled',
  );
  if (thinking['type'] !== 'enabled') return;
  const budget = Number(thinking['budget_tokens']);
  refuseUnless(budget >= 1_024, 'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024');
  refuseUnless(budget < Number(most), '`max_tokens` must be greater than `thinking.budget_tokens`');
}

function checkTools({ tools, tool_choice: choice, thinking }: Fields): void {
  for (const [i, tool] of (Array.isArray(tools) ? (tools as unknown[]) : []).entries()) {
    refuseUnless(isFields(tool), `tools.${i}: Input should be an object`);
    for (const field of Object.keys(tool))
      refuseUnless(TOOL_FIELDS.has(field), `tools.${i}.${field}: Extra inputs are not permitted`);
    const schema = tool['input_schema'];
    refuseUnless(isFields(schema) && schema['type'] === 'object', `tools.${i}.input_schema.type: Field required`);
  }
  if (choice === undefined) return;
  refuseUnless(Array.isArray(tools) && tools.length > 0, 'tool_choice may only be specified while providing tools');
  refuseUnless(
    isFields(choice) && ['auto', 'any', 'tool', 'none'].includes(String(choice['type'])),
    'tool_choice.type',
  );
  const isForced = choice['type'] === 'any' || choice['type'] === 'tool';
  refuseUnless(!isForced || !isFields(thinking), 'Thinking may not be enabled when tool_choice forces tool use.');
}

function checkTurns(messages: unknown, thinks: boolean): void {
  refuseUnless(Array.isArray(messages) && messages.length > 0, 'messages: at least one message is required');
  let open: string[] = [];
  const known = new Set<string>();
  for (const [i, message] of (messages as unknown[]).entries()) {
    refuseUnless(isFields(message), `messages.${i}: Input should be an object`);
    const { role, content } = message;
    refuseUnless(role === (i % 2 === 0 ? 'user' : 'assistant'), `messages.${i}: roles must alternate, a user first`);
    refuseUnless(Array.isArray(content) && content.length > 0, `messages.${i}: content must be non-empty`);
    const blocks = content as Fields[];
    for (const [k, block] of blocks.entries()) checkBlock(block, `messages.${i}.content.${k}`);
    const answered = blocks.filter(({ type }) => type === 'tool_result').map((block) => String(block['tool_use_id']));
    for (const id of answered)
      refuseUnless(open.includes(id), `unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}`);
    for (const id of open)
      refuseUnless(answered.includes(id), `\`tool_use\` ids were found without \`tool_result\` blocks: ${id}`);
    const firstOther = blocks.findIndex(({ type }) => type !== 'tool_result');
    refuseUnless(firstOther < 0 || firstOther >= answered.length, 'tool_result blocks must come first');
    open = blocks.filter(({ type }) => type === 'tool_use').map(({ id }) => String(id));
    for (const id of open) {
      refuseUnless(!known.has(id), `messages.${i}: \`tool_use\` ids must be unique`);
      known.add(id);
    }
  }
  checkEnd(messages as Fields[], thinks);
}

function checkEnd(messages: readonly Fields[], thinks: boolean): void {
  const last = messages.at(-1)!;
  const blocks = last['content'] as Fields[];
  if (last['role'] === 'assistant') {
    const text = blocks.at(-1)?.['text'];
    refuseUnless(!thinks, 'When using thinking, prefill is not supported');
    const isTrimmed = typeof text !== 'string' || text === text.trimEnd();
    refuseUnless(isTrimmed, 'messages: final assistant content cannot end with trailing whitespace');
  } else if (thinks && blocks.some(({ type }) => type === 'tool_result')) {
    const first = (messages.at(-2)?.['content'] as Fields[] | undefined)?.[0];
    refuseUnless(
      /thinking/.test(String(first?.['type'])),
      'Expected `thinking` or `redacted_thinking`, but found `tool_use`',
    );
  }
}

function checkBlock(block: Fields, place: string): void {
  const type = String(block['type']);
  const fields = new Map(Object.entries(BLOCK_FIELDS)).get(type);
  refuseUnless(fields !== undefined, `${place}: Input tag '${type}' does not match any of the expected tags`);
  for (const field of Object.keys(block)) {
    refuseUnless(fields.includes(field), `${place}.${type}.${field}: Extra inputs are not permitted`);
  }
  if (type === 'text')
    refuseUnless(String(block['text']).trim() !== '', `${place}: text content blocks must be non-empty`);
  if (type === 'tool_use') {
    refuseUnless(ID.test(String(block['id'])), `${place}.tool_use.id: String should match pattern`);
    refuseUnless(isFields(block['input']), `${place}.tool_use.input: Input should be a valid dictionary`);
  }
  if (type === 'tool_result' && Array.isArray(block['content'])) {
    for (const [i, part] of (block['content'] as Fields[]).entries()) checkBlock(part, `${place}.content.${i}`);
  }
}
