import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ignorePatterns, isGiven } from './docker-ignore.js';
import { dockerfile } from './dockerfile.js';

const CHECKED = [
  'Dockerfile',
  '.dockerignore',
  'package.json',
  'package-lock.json',
  '.swcrc',
  'nest-cli.json',
  'tsconfig.json',
  'tools',
  'src/main.ts',
  'infra/router.config.azure.yaml',
];
const BASE = /^ARG NODE_IMAGE=.*$/m;
const ENTRYPOINT = /^ENTRYPOINT .*$/m;
const USER = 'USER 1000:1000';

describe('the Dockerfile', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'router-dockerfile-'));
    for (const path of CHECKED) cpSync(path, join(root, path), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const edit = (file: string, from: string | RegExp, to: string) => {
    const text = readFileSync(join(root, file), 'utf8');
    const changed = text.replace(from, () => to);
    expect(changed).not.toBe(text);
    writeFileSync(join(root, file), changed);
  };
  const problems = async () => (await dockerfile.run(root)).map(({ file, problem }) => `${file}: ${problem}`);

  it('passes', async () => {
    expect(await dockerfile.run('.')).toEqual([]);
  });

  it.each<[string, string | RegExp, string, RegExp]>([
    ['one stage', /^FROM \$\{NODE_IMAGE\} AS build[^]*(?=^FROM)/m, '', /there is one stage/],
    ['a base that no ARG names', 'FROM ${NODE_IMAGE} AS runtime', 'FROM node:24 AS runtime', /the base is node:24/],
    ['no ARG for the base', 'ARG NODE_IMAGE', 'ARG OTHER_IMAGE', /no ARG NODE_IMAGE/],
    ['a base of today', BASE, 'ARG NODE_IMAGE=node:latest', /node:latest is another image every day/],
    ['a base without a tag', BASE, 'ARG NODE_IMAGE=node', /node is another image every day/],
    ['a registry', 'NODE_IMAGE=node', 'NODE_IMAGE=registry.example:5000/node', /names a registry/],
    ['another Node', BASE, 'ARG NODE_IMAGE=node:22.1.0-bookworm-slim', /is not Node/],
    ['a user by name', USER, 'USER node', /it runs as node/],
    ['root by number', USER, 'USER 0:0', /it runs as 0:0/],
    ['no user', USER, '', /it runs as root/],
    ['root after all', 'STOPSIGNAL', 'ENTRYPOINT ["node"]\nUSER 2000\nSTOPSIGNAL', /the user changes/],
    ['a shell that starts it', ENTRYPOINT, 'ENTRYPOINT node dist/main.js', /ENTRYPOINT is run by a shell/],
    ['a CMD for a shell', ENTRYPOINT, 'ENTRYPOINT ["node"]\nCMD dist/main.js', /CMD is run by a shell/],
    ['other flags', ENTRYPOINT, 'ENTRYPOINT ["node", "dist/main.js"]', /not started as npm start/],
    ['nothing to start', ENTRYPOINT, '', /there is no ENTRYPOINT/],
    ['a health check by a shell', /CMD \["node", "-e".*$/m, 'CMD node -e 0', /no HEALTHCHECK in exec form/],
    ['no health check', /^HEALTHCHECK .*\n.*$/m, '', /no HEALTHCHECK in exec form/],
    ['another port', 'EXPOSE 8080', 'EXPOSE 3000', /port 8080 is not exposed/],
    ['development', 'NODE_ENV=production', 'NODE_ENV=development', /production mode/],
    ['a secret as ENV', USER, `ENV API_KEY=x\n${USER}`, /API_KEY stays in the history/],
    ['a secret as ARG', 'WORKDIR /app', 'ARG NPM_TOKEN\nWORKDIR /app', /NPM_TOKEN stays in the history/],
    ['npm install', 'npm ci --include=dev', 'npm install', /what is newest/],
    ['a tool in the image', USER, `RUN apt-get install -y curl\n${USER}`, /the last stage installs/],
    ['ADD of an address', 'COPY src ./src', 'ADD https://example.org/x.tar ./src', /ADD fetches/],
    ['all there is', 'COPY src ./src', 'COPY . .', /copies everything/],
    ['a source that is missing', 'COPY src ./src', 'COPY lib ./lib', /there is no lib/],
    [
      'a source that is ignored',
      'COPY src ./src',
      'COPY src tools/run.mjs ./src/',
      /keeps tools\/run.mjs from the build/,
    ],
  ])('%s is found', async (_, from, to, problem) => {
    edit('Dockerfile', from, to);
    expect(await problems()).toContainEqual(expect.stringMatching(problem));
  });

  it('a finding has the line of its instruction', async () => {
    edit('Dockerfile', 'EXPOSE 8080', 'EXPOSE 8080\nENV API_KEY=x');
    const lines = readFileSync(join(root, 'Dockerfile'), 'utf8').split('\n');
    expect(await dockerfile.run(root)).toEqual([
      expect.objectContaining({ file: 'Dockerfile', line: lines.indexOf('ENV API_KEY=x') + 1 }),
    ]);
  });

  it('a Dockerfile of nothing is found', async () => {
    writeFileSync(join(root, 'Dockerfile'), '# nothing\n');
    expect(await problems()).toEqual(['Dockerfile: there is no FROM']);
  });

  it.each([
    ['a list of what is left out', '\n*\n', '\nnode_modules\n', '.dockerignore: it lets in what it does not name'],
    [
      'a source that is not let in',
      '!tools/bundle.mjs\n',
      '',
      'Dockerfile: .dockerignore keeps tools/bundle.mjs from the build',
    ],
  ])('.dockerignore: %s is found', async (_, from, to, problem) => {
    edit('.dockerignore', from, to);
    expect(await problems()).toContain(problem);
  });
});

describe('what .dockerignore lets in', () => {
  it.each([
    ['src/main.ts', true],
    ['src/main.spec.ts', false],
    ['tools/bundle.mjs', true],
    ['tools/run.mjs', false],
    ['.npmrc', false],
    ['src/deep/.env.local', false],
    ['src/deep/tls.pem', false],
    ['dist', false],
  ])('%s: %s', (path, given) => {
    expect(isGiven(path, ignorePatterns(readFileSync('.dockerignore', 'utf8')))).toBe(given);
  });
});
