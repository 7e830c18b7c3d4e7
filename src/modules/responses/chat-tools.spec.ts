import { chatTools, customToolsIn } from './chat-tools.js';
import { SentItem } from './sent-item.js';

const toolsOf = (body: Record<string, unknown>) => chatTools(new SentItem(body, ''));
const weather = {
  type: 'function',
  name: 'weather',
  description: 'Weather',
  parameters: { type: 'object' },
  strict: true,
};
const patch = { type: 'custom', name: 'apply_patch', description: 'Edits files' };

describe('tools in the form of chat completions', () => {
  it('functions', () => {
    const { type: _, ...rest } = weather;
    expect(toolsOf({ tools: [weather] })).toEqual({ tools: [{ type: 'function', function: rest }] });
  });

  it('custom tools are functions with one text, and their grammar is told', () => {
    const format = { type: 'grammar', syntax: 'lark', definition: 'start: "a"' };
    const [tool] = toolsOf({ tools: [{ ...patch, format }] }).tools as { function: Record<string, unknown> }[];
    expect(tool?.function).toMatchObject({
      name: 'apply_patch',
      description: expect.stringMatching(/^Edits files[^]*\(lark\)[^]*start: "a"$/),
      parameters: { properties: { input: { type: 'string' } }, required: ['input'] },
    });
  });

  it.each([
    ['auto', 'auto'],
    ['required', 'required'],
    [
      { type: 'function', name: 'weather' },
      { type: 'function', function: { name: 'weather' } },
    ],
    [
      { type: 'custom', name: 'apply_patch' },
      { type: 'function', function: { name: 'apply_patch' } },
    ],
    [null, undefined],
  ])('tool_choice %j', (sent, chat) => {
    const { tool_choice: choice } = toolsOf({ tools: [weather, patch], tool_choice: sent, parallel_tool_calls: false });
    expect(choice).toEqual(chat);
  });

  it('only the allowed ones', () => {
    const choice = { type: 'allowed_tools', mode: 'required', tools: [{ type: 'custom', name: 'apply_patch' }] };
    expect(toolsOf({ tools: [weather, patch], tool_choice: choice })).toMatchObject({
      tools: [{ function: { name: 'apply_patch' } }],
      tool_choice: 'required',
    });
  });

  it('nothing of it without tools', () => {
    expect(toolsOf({ tools: [], tool_choice: 'auto', parallel_tool_calls: true })).toEqual({});
  });

  it.each([
    [{ tools: [weather, 'x'] }, 'tools[1]'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].name'],
    [{ tools: [{ ...weather, parameters: 'x' }] }, 'tools[0].parameters'],
    [{ tools: [weather], tool_choice: 'sometimes' }, 'tool_choice'],
    [{ tools: [weather], tool_choice: { type: 'function' } }, 'tool_choice.name'],
    [{ tools: [weather], tool_choice: { type: 'allowed_tools', tools: [{}] } }, 'tool_choice.tools[0].name'],
  ])('%j names %s', (body, param) => {
    expect(() => toolsOf(body)).toThrow(expect.objectContaining({ param, status: 400 }));
  });

  it('knows the custom ones', () => {
    expect([...customToolsIn([weather, patch, null])]).toEqual(['apply_patch']);
    expect([...customToolsIn(undefined)]).toEqual([]);
  });
});
