import { chatTools } from './chat-tools.js';
import { SentItem } from './sent-item.js';
import { ToolNames } from './tool-names.js';

const toolsOf = (body: Record<string, unknown>) => chatTools(new SentItem(body, ''), new ToolNames(body['tools']));
const weather = {
  type: 'function',
  name: 'weather',
  description: 'Weather',
  parameters: { type: 'object' },
  strict: true,
};
const patch = { type: 'custom', name: 'apply_patch', description: 'Edits files' };
const maps = { type: 'namespace', name: 'mcp__maps', description: 'Maps of the world.', tools: [weather, patch] };
const namesIn = ({ tools }: { tools?: unknown[] | null }) =>
  (tools as { function: { name: string } }[]).map((tool) => tool.function.name);

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

  it('tools of a namespace are functions of their own, and the first says what it is for', () => {
    const { tools } = toolsOf({ tools: [weather, maps] });
    expect(tools).toMatchObject([
      { type: 'function', function: { name: 'weather', description: 'Weather' } },
      {
        type: 'function',
        function: { name: 'mcp__maps__weather', description: 'Maps of the world.\n\nWeather', strict: true },
      },
      { type: 'function', function: { name: 'mcp__maps__apply_patch', description: 'Edits files' } },
    ]);
  });

  it.each([
    [{ type: 'function', name: 'weather', namespace: 'mcp__maps' }, 'mcp__maps__weather'],
    [{ type: 'function', name: 'weather' }, 'weather'],
    [{ type: 'custom', name: 'apply_patch' }, 'mcp__maps__apply_patch'],
  ])('chooses %j', (sent, name) => {
    const { tool_choice: choice } = toolsOf({ tools: [weather, maps], tool_choice: sent });
    expect(choice).toEqual({ type: 'function', function: { name } });
  });

  it.each([
    [{ type: 'function', name: 'weather', namespace: 'mcp__maps' }, ['mcp__maps__weather']],
    [{ type: 'namespace', name: 'mcp__maps' }, ['mcp__maps__weather', 'mcp__maps__apply_patch']],
    [{ type: 'function', name: 'weather' }, ['weather']],
  ])('allows %j', (tool, names) => {
    const choice = { type: 'allowed_tools', mode: 'auto', tools: [tool] };
    expect(namesIn(toolsOf({ tools: [weather, maps], tool_choice: choice }))).toEqual(names);
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
    [{ tools: [{ type: 'namespace', tools: [] }] }, 'tools[0].name'],
    [{ tools: [{ ...maps, tools: [{ type: 'function' }] }] }, 'tools[0].tools[0].name'],
    [{ tools: [{ ...maps, tools: [maps] }] }, 'tools[0].tools[0].type'],
    [{ tools: [{ ...maps, tools: {} }] }, 'tools[0].tools'],
    [{ tools: [weather], tool_choice: 'sometimes' }, 'tool_choice'],
    [{ tools: [weather], tool_choice: { type: 'function' } }, 'tool_choice.name'],
    [{ tools: [weather], tool_choice: { type: 'allowed_tools', tools: [{}] } }, 'tool_choice.tools[0].name'],
  ])('%j names %s', (body, param) => {
    expect(() => toolsOf(body)).toThrow(expect.objectContaining({ param, status: 400 }));
  });
});
