import { readFileSync } from 'node:fs';

const flags = JSON.parse(readFileSync('tools/node-flags.json', 'utf8')) as string[];

it('the container starts Node with the flags of npm start', () => {
  const [entrypoint = ''] =
    readFileSync('Dockerfile', 'utf8')
      .match(/^ENTRYPOINT (.*)$/m)
      ?.slice(1) ?? [];
  expect(JSON.parse(entrypoint)).toEqual(['node', ...flags, 'dist/main.js']);
});
