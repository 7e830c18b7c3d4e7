import { ToolNames } from './tool-names.js';

const tool = (name: string) => ({ type: 'function', name });
const space = (name: string, ...tools: unknown[]) => ({ type: 'namespace', name, tools });
const VALID = /^[A-Za-z0-9_-]{1,64}$/;

describe('the names of tools for the model', () => {
  it.each([
    [null, 'weather', 'weather'],
    ['mcp__weather', 'get', 'mcp__weather__get'],
    ['mcp__weather', 'mcp__weather__get', 'mcp__weather__get'],
    ['functions', 'functionsX', 'functions__functionsX'],
  ])('%j, %s: %s and back', (namespace, name, chatName) => {
    const names = new ToolNames([namespace === null ? tool(name) : space(namespace, tool(name))]);
    expect(names.chatName(namespace, name)).toBe(chatName);
    expect(names.called(chatName)).toEqual({ name, namespace, isCustom: false });
  });

  it.each([
    ['too long', 'mcp__' + 'a'.repeat(40), 'b'.repeat(40)],
    ['of other characters', 'my server', 'get.wetter für'],
    ['the same but for these', 'my server', 'get_wetter_für'],
    ['too long without a namespace', null, 'c'.repeat(65)],
  ])('a name that is %s is made valid, the same each time', (_, namespace, name) => {
    const names = new ToolNames([namespace === null ? tool(name) : space(namespace, tool(name))]);
    const chatName = names.chatName(namespace, name);
    expect(chatName).toMatch(VALID);
    expect(names.called(chatName)).toMatchObject({ name, namespace });
    expect(new ToolNames([]).chatName(namespace, name)).toBe(chatName);
  });

  it('are unique, and a plain name stays what it is', () => {
    const tools = [space('a', tool('b__c'), tool('a__b__c')), space('a__b', tool('c')), tool('a__b__c')];
    const names = new ToolNames(tools);
    const sent = [['a', 'b__c'], ['a', 'a__b__c'], ['a__b', 'c'], [null, 'a__b__c']] as const; // prettier-ignore
    const chatNames = sent.map(([namespace, name]) => names.chatName(namespace, name));
    expect(new Set(chatNames).size).toBe(sent.length);
    expect(chatNames.at(-1)).toBe('a__b__c');
    expect(chatNames.map((name) => names.called(name))).toMatchObject(
      sent.map(([namespace, name]) => ({ name, namespace })),
    );
  });

  it('know the custom ones, and names that no tool has', () => {
    const names = new ToolNames([space('sh', { type: 'custom', name: 'run' }), null, 7, { type: 'web_search' }]);
    expect(names.called('sh__run')).toEqual({ name: 'run', namespace: 'sh', isCustom: true });
    expect(names.called('run')).toEqual({ name: 'run', namespace: null, isCustom: false });
    expect(new ToolNames(undefined).called('x').name).toBe('x');
  });
});
