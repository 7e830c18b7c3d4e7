import type { ChatMessage, ChatRequest } from '../../common/chat.js';
import type { Fields } from '../../common/json/fields.js';
import { outlineOf } from '../../common/json/outline.js';
import { JsonSource, keepSource } from '../../common/json/source.js';
import { translated } from '../../common/translated-request.js';
import type { Addressee } from './addressee.js';
import type { ModelCall } from './models.messages.js';
import { upstreamText } from './upstream-body.js';

const LOCAL: Addressee = {
  ...{ provider: 'openai', model: 'qwen3', upstreamModel: 'qwen3', contextWindow: null, capabilities: [] },
  config: { baseUrl: 'http://127.0.0.1:11434/v1' },
};
const OPENAI: Addressee = { ...LOCAL, capabilities: ['reasoning'], config: { baseUrl: 'https://api.openai.com/v1' } };
const AZURE: Addressee = { ...OPENAI, provider: 'azure-openai', config: {} };
const MARK = { cache_control: { type: 'ephemeral' } };

const written = (request: ChatRequest, target: Addressee, stored: ChatMessage[] = []): string => {
  const history = stored.length > 0 ? [{ messages: stored }] : [];
  return upstreamText({ request, history, partialAnswer: null } as unknown as ModelCall, target);
};
const read = (...args: Parameters<typeof written>) => JSON.parse(written(...args)) as ChatRequest;
const thought = (model: string | null, text: string) => ({
  ...{ type: 'reasoning.text', text, signature: 's' },
  ...(model === null ? {} : { model }),
});
const said = (...reasoning: Fields[]): ChatMessage => ({
  role: 'assistant',
  content: 'a',
  reasoning_details: reasoning,
});

describe('what a server of the protocol of OpenAI gets', () => {
  const request = () =>
    translated({
      ...{ model: 'auto', max_completion_tokens: 9, reasoning_effort: 'low', thinking: { type: 'adaptive' }, top_k: 4 },
      output_config: { effort: 'max' },
      messages: [
        { role: 'system', content: [{ type: 'text', text: 'billing', anthropic_only: true }] },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'x', anthropic_only: true },
            { type: 'text', text: 'hi', ...MARK },
          ],
          ...MARK,
        },
      ],
      tools: [{ type: 'function', function: { name: 'f' }, ...MARK }],
      ...MARK,
    });
  const common = {
    model: 'qwen3',
    messages: [{ role: 'user', content: 'hi' }],
    tools: [{ type: 'function', function: { name: 'f' } }],
  };

  it('of a translated request: what it knows', () => {
    expect(read(request(), LOCAL)).toEqual({ ...common, max_tokens: 9, top_k: 4 });
    const own = { ...common, max_completion_tokens: 9, reasoning_effort: 'low' };
    expect(read(request(), OPENAI)).toEqual(own);
    expect(read(request(), AZURE)).toEqual(own);
    expect(read(request(), { ...OPENAI, config: { baseUrl: 'https://eu.api.openai.com/v1' } })).toEqual(own);
    const other = { ...OPENAI, config: { baseUrl: 'https://notapi.openai.com.example/v1' } };
    expect(read(request(), other)).toMatchObject({ max_tokens: 9, top_k: 4, reasoning_effort: 'low' });
  });

  it('of texts one, whichever of them is marked, and the rest as it is', () => {
    const [a, b] = [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ];
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } };
    const sent = (...messages: ChatMessage[]) => read(translated({ model: 'auto', messages }), LOCAL).messages;
    const tool = { role: 'tool', tool_call_id: 'c1' };
    const both = [{ role: 'system', content: 'a\n\nb' }];
    expect(sent({ role: 'system', content: [a, { ...b, ...MARK }] })).toEqual(both);
    expect(sent({ role: 'system', content: [{ ...a, ...MARK }, b] })).toEqual(both);
    expect(sent({ ...tool, content: [{ ...a, ...MARK }] })).toEqual([{ ...tool, content: 'a' }]);
    expect(sent({ role: 'user', content: [a, image] })).toEqual([{ role: 'user', content: [a, image] }]);
    expect(sent({ role: 'assistant', content: [] })).toEqual([{ role: 'assistant', content: [] }]);
  });

  it('of reasoning: its own, as text', () => {
    const messages = [said(thought('Qwen3', 'mine '), thought('claude', 'not'), thought('qwen3-20260101', 'too'))];
    const sent = (target: Addressee) => read(translated({ model: 'auto', messages }), target).messages;
    expect(sent(LOCAL)).toEqual([{ role: 'assistant', content: 'a', reasoning_content: 'mine too' }]);
    expect(sent({ ...LOCAL, model: 'other', upstreamModel: 'other' })).toEqual([{ role: 'assistant', content: 'a' }]);
    expect(sent(OPENAI)).toEqual([{ role: 'assistant', content: 'a' }]);
  });

  it('of stored turns the same, whatever the request; of reasoning without a mark all', () => {
    const own: ChatRequest = { model: 'auto', messages: [{ role: 'user', content: 'hi', ...MARK }] };
    const stored = [said(thought('claude', 'not')), said(thought(null, 'kept'))];
    expect(read(own, LOCAL, stored).messages).toEqual([
      { role: 'assistant', content: 'a' },
      stored[1],
      own.messages[0],
    ]);
  });

  it('of a request that came as chat completions: every byte of it but the model', () => {
    const text = `{"model":"auto", "messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]},
      {"role":"assistant","content":"a","reasoning_details":[{"type":"reasoning.text","text":"x","model":"claude"}]}],
      "max_completion_tokens":9,"reasoning_effort":"low","thinking":{"type":"adaptive"},"top_k":4,"seed":12345678901234567890}`;
    const came = keepSource(JSON.parse(text) as ChatRequest, new JsonSource(text, outlineOf(text), false));
    expect(written(came, LOCAL)).toBe(text.replace('"auto"', '"qwen3"'));
    expect(written(came, OPENAI)).toBe(text.replace('"auto"', '"qwen3"'));
  });
});
