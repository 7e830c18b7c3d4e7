import { onlyOpenAi } from './only-openai.js';

describe('what only OpenAI can do', () => {
  it.each([
    [{ background: true }, ['background']],
    [{ prompt: { id: 'pmpt_1' } }, ['prompt']],
    [{ tools: [{ type: 'function' }, { type: 'web_search' }, { type: 'mcp' }] }, ['tools[1].type', 'tools[2].type']],
    [
      { tools: [{ type: 'namespace', tools: [{ type: 'custom' }, { type: 'web_search' }] }] },
      ['tools[0].tools[1].type'],
    ],
    [{ tool_choice: { type: 'file_search' } }, ['tool_choice.type']],
    [{ input: [{ type: 'web_search_call' }] }, ['input[0].type']],
    [
      { input: [{ role: 'user', content: [{ type: 'input_text' }, { type: 'input_image', file_id: 'f' }] }] },
      ['input[0].content[1].file_id'],
    ],
    [{ input: [{ role: 'user', content: [{ type: 'input_file', file_url: 'u' }] }] }, ['input[0].content[0].file_url']],
    [
      { input: [{ type: 'function_call_output', output: [{ type: 'input_image', file_id: 'f' }] }] },
      ['input[0].output[0].file_id'],
    ],
  ])('%j: %j', (body, params) => expect(onlyOpenAi(body).map(({ param }) => param)).toEqual(params));

  it.each([
    { tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'function' }, { type: 'custom' }] }] },
    { background: false, prompt: null, tools: [{ type: 'custom' }], tool_choice: 'auto', input: 'hi' },
    { tool_choice: { type: 'allowed_tools' }, input: [{ role: 'user', content: 'hi' }, { type: 'item_reference' }] },
    { input: [{ type: 'message', content: [{ type: 'input_image', file_id: null, image_url: 'u' }] }] },
    { input: [null, 1], tools: [null], tool_choice: 7 },
  ])('nothing in %j', (body) => expect(onlyOpenAi(body)).toEqual([]));

  it('tells the cure', () => {
    expect(onlyOpenAi({ input: [{ type: 'additional_tools' }] })[0]?.message).toContain('list the tools in `tools`');
    expect(onlyOpenAi({ tools: [{ type: 'web_search_preview_2025_03_11' }] })[0]?.message).toContain('config.toml');
  });
});
