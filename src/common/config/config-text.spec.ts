import { readConfigText, type Environment } from './config-text.js';

const read = (yaml: string, env: Environment = {}) => readConfigText(yaml, env);
const valueOf = (yaml: string, env: Environment = {}) => read(yaml, env).value;

describe('interpolation', () => {
  it.each<[string, string, Environment, unknown]>([
    ['a variable', 'a: ${A}', { A: 'x' }, { a: 'x' }],
    ['a variable within text', 'a: http://${H}:${P}/v1', { H: 'h', P: '1' }, { a: 'http://h:1/v1' }],
    ['an empty variable', 'a: ${A}', { A: '' }, { a: '' }],
    ['a default', 'a: ${A:-x}', {}, { a: 'x' }],
    ['a default for an empty variable', 'a: ${A:-x}', { A: '' }, { a: 'x' }],
    ['a default with colons', 'a: ${A:-http://h:1/v1}', {}, { a: 'http://h:1/v1' }],
    ['an empty default', 'a: "${A:-}"', {}, { a: '' }],
    [
      'a placeholder unquoted in a flow map',
      '{ a: ${A:-}, b: [${B}, ${C:-x,y}] }',
      { B: 'b' },
      { a: '', b: ['b', 'x,y'] },
    ],
    ['an escape', 'a: $${A} ${A}', { A: 'x' }, { a: '${A} x' }],
    ['a value with placeholders of its own', 'a: ${A}', { A: '${B}', B: 'no' }, { a: '${B}' }],
    ['a value that looks like YAML', 'a: ${A}', { A: 'x: 1 # no\n- y\nb: 2' }, { a: 'x: 1 # no\n- y\nb: 2' }],
    ['a dollar sign', 'a: $5', {}, { a: '$5' }],
    ['a block scalar', 'a: |\n  ${A}\n  z', { A: 'x' }, { a: 'x\nz\n' }],
    ['no placeholder in a key', '${A}: 1', { A: 'x' }, { '${A}': 1 }],
  ])('reads %s', (_, yaml, env, expected) => expect(valueOf(yaml, env)).toEqual(expected));

  it('names the path and the variable that is not set', () => {
    expect(read('t:\n  - k: ok\n  - k: ${NOT_THERE}').problems).toEqual([
      { path: 't[1].k', message: expect.stringContaining('NOT_THERE is not set') as string },
    ]);
  });

  it('tells all variables that are not set before all secrets, wherever they stand', () => {
    const yaml = 'targets:\n  - apiKey: sk-1\n  - apiKey: x${A}\ncosmos: { key: k }\nredis: { url: ${B} }';
    const order = read(yaml).problems.map(({ path, message }) => `${path} ${message.split(' ', 3).join(' ')}`);
    expect(order).toEqual([
      'targets[1].apiKey environment variable A',
      'redis.url environment variable B',
      'targets[0].apiKey a secret must',
      'cosmos.key a secret must',
    ]);
  });

  it.each(['a: ${A', 'a: ${}', 'a: ${A-x}', 'a: "${1A}"'])('refuses %s', (yaml) => {
    expect(read(yaml, { A: 'x' }).problems).toMatchObject([
      { path: 'a', message: expect.stringContaining('${VAR:-default}') as string },
    ]);
  });

  it('says which scalars may stand for numbers: one unquoted placeholder and nothing else', () => {
    const { untyped } = read('a: ${A}\nb: "${A}"\nc: ${A}${A}\nd: x${A}', { A: '1' });
    expect([...untyped]).toEqual(['a']);
  });
});

describe('YAML errors', () => {
  it('have line and column, also behind a placeholder in a flow map', () => {
    expect(read('ok: 1\na: { b: ${A:-}, c: ] }').syntax[0]?.path).toBe('line 2, column 20');
  });
  it('include keys that are given twice', () => {
    expect(read('a: 1\na: 2').syntax).toMatchObject([{ path: 'line 2, column 1' }]);
  });
});
