import { existsSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { DockerfileParser, type Dockerfile, type Instruction } from 'dockerfile-ast';
import { ignorePatterns, isGiven } from './docker-ignore.js';
import type { Finding, InfraCheck } from './finding.js';

const FILE = 'Dockerfile';
const IGNORE = '.dockerignore';
const PORT = '8080';
/** Names of what has no place in an image: its history shows every ENV and ARG. */
const SECRET = /token|secret|passw|credential|api_?key|private_?key|connection_?string|npmrc/i;
/** `host.name/...` or `host:port/...`; names without a host are those of Docker Hub. */
const REGISTRY_HOST = /^[^/]*[.:][^/]*\/|^localhost\//;
const PACKAGE_MANAGER = /\b(npm|npx|yarn|pnpm|corepack|apt|apt-get|apk|dnf|pip|curl|wget)\b/;

interface Stage {
  readonly from: Instruction;
  readonly all: readonly Instruction[];
}

interface Read {
  readonly root: string;
  readonly file: Dockerfile;
  readonly stages: readonly Stage[];
  /** The one that becomes the image. */
  readonly last: Stage;
}

/** What is wrong, and at which instruction; `null` = nothing is there to point at. */
type Problem = readonly [at: Instruction | null, problem: string, cure: string];
type Rule = (read: Read) => readonly Problem[];

const is = (keyword: string) => (one: Instruction) => one.getKeyword() === keyword;
const textOf = (one: Instruction | undefined): string => one?.getArgumentsContent() ?? '';
const wordsOf = (one: Instruction): string[] => one.getArguments().map((argument) => argument.getValue());
const when = (wrong: boolean, ...problem: Problem): Problem[] => (wrong ? [problem] : []);

/** A command in exec form; null = a shell would run it, and keep the signals to itself. */
function execForm(text: string): readonly string[] | null {
  try {
    const command: unknown = JSON.parse(text);
    return Array.isArray(command) && command.every((word) => typeof word === 'string') ? command : null;
  } catch {
    return null; // the words of a shell
  }
}

function stagesOf(file: Dockerfile): Stage[] {
  const all = file.getInstructions();
  const starts = all.flatMap((one, i) => (one.getKeyword() === 'FROM' ? [i] : []));
  return starts.map((start, i) => ({ from: all[start] as Instruction, all: all.slice(start + 1, starts[i + 1]) }));
}

const base: Rule = ({ root, file, stages, last }) => {
  const [image] = file.getInitialARGs();
  const value = image?.getProperty()?.getValue() ?? '';
  const { node } = (
    JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { devDependencies: { node: string } }
  ).devDependencies;
  const name = image?.getProperty()?.getName();
  const others = stages.filter(({ from }) => wordsOf(from)[0] !== `\${${name}}`);
  return [
    ...when(
      stages.length < 2,
      last.from,
      'there is one stage',
      'Build in a stage of its own, so that no tool of it is in the image.',
    ),
    ...when(
      name !== 'NODE_IMAGE',
      image ?? null,
      'there is no ARG NODE_IMAGE before the first FROM',
      'A closed network and a release name their base by it.',
    ),
    ...others.map(({ from }): Problem => [from, `the base is ${wordsOf(from)[0]}`, 'Write FROM ${NODE_IMAGE}.']),
    ...when(/:latest$|^[^:@]*$/.test(value), image ?? null, `${value} is another image every day`, 'Name a version.'),
    ...when(
      REGISTRY_HOST.test(value),
      image ?? null,
      `${value} names a registry`,
      'Give it to the build as NODE_IMAGE.',
    ),
    ...when(
      !value.includes(node),
      image ?? null,
      `${value} is not Node ${node}, on which the tests run`,
      'Take the version of the package "node" in package.json, here and there.',
    ),
  ];
};

const user: Rule = ({ last }) => {
  const entry = last.all.findIndex(is('ENTRYPOINT'));
  const name = textOf(last.all.slice(0, Math.max(entry, 0)).findLast(is('USER')));
  const later = last.all.slice(entry + 1).find(is('USER'));
  return [
    ...when(
      !/^[1-9]\d*(:[1-9]\d*)?$/.test(name),
      last.all[entry] ?? last.from,
      `it runs as ${name || 'root'}`,
      'Write USER 1000:1000 before ENTRYPOINT: Kubernetes cannot tell whether a name is root.',
    ),
    ...when(later !== undefined, later ?? null, 'the user changes after ENTRYPOINT', 'One USER, before ENTRYPOINT.'),
  ];
};

const commands: Rule = ({ root, last }) => {
  const flags = JSON.parse(readFileSync(join(root, 'tools/node-flags.json'), 'utf8')) as string[];
  const entry = last.all.findLast(is('ENTRYPOINT'));
  const health = last.all.findLast(is('HEALTHCHECK'));
  const healthCommand = textOf(health).replace(/^CMD\s+/, '');
  const wanted = JSON.stringify(['node', ...flags, 'dist/main.js']);
  const shells = last.all.filter((one) => ['CMD', 'ENTRYPOINT'].includes(one.getKeyword()) && !execForm(textOf(one)));
  return [
    ...shells.map((one): Problem => [
      one,
      `${one.getKeyword()} is run by a shell, which keeps SIGTERM to itself`,
      'Write it as a JSON list.',
    ]),
    ...when(entry === undefined, last.from, 'there is no ENTRYPOINT', `Write ENTRYPOINT ${wanted}.`),
    ...when(
      entry !== undefined && execForm(textOf(entry)) !== null && JSON.stringify(execForm(textOf(entry))) !== wanted,
      entry ?? null,
      'it is not started as npm start starts it',
      `The flags are those of tools/node-flags.json: ${wanted}`,
    ),
    ...when(
      execForm(healthCommand) === null,
      health ?? last.from,
      'there is no HEALTHCHECK in exec form',
      'Write CMD and a JSON list: the image need not have a shell.',
    ),
  ];
};

const network: Rule = ({ last }) => [
  ...when(
    !last.all.some((one) => is('EXPOSE')(one) && wordsOf(one).includes(PORT)),
    last.from,
    `port ${PORT} is not exposed`,
    `Write EXPOSE ${PORT}.`,
  ),
  ...when(
    !last.all.some((one) => is('ENV')(one) && wordsOf(one).includes('NODE_ENV=production')),
    last.from,
    'it does not run in production mode',
    'Write ENV NODE_ENV=production in the last stage.',
  ),
];

const secrets: Rule = ({ file }) =>
  file
    .getInstructions()
    .filter((one) => ['ENV', 'ARG'].includes(one.getKeyword()))
    .flatMap((one) =>
      wordsOf(one)
        .map((word) => word.split('=', 1)[0] as string)
        .filter((name) => SECRET.test(name))
        .map((name): Problem => [
          one,
          `${name} stays in the history of the image`,
          'RUN --mount=type=secret does not.',
        ]),
    );

/** `mount` of `RUN --mount=...` and other flags are no words of the command. */
const installs: Rule = ({ file, last }) => [
  ...file
    .getInstructions()
    .filter((one) => is('RUN')(one) && /\bnpm (install|i|add|update)\b/.test(textOf(one)))
    .map((one): Problem => [one, 'npm install takes what is newest on the day', 'Write npm ci.']),
  ...last.all
    .filter((one) => is('RUN')(one) && PACKAGE_MANAGER.test(textOf(one)))
    .map((one): Problem => [one, 'the last stage installs something', 'Install in the build stage, and copy.']),
];

const sources: Rule = ({ root, file }) => {
  const patterns = ignorePatterns(readFileSync(join(root, IGNORE), 'utf8'));
  const adds = file.getInstructions().filter(is('ADD'));
  return [
    ...adds.map((one): Problem => [one, 'ADD fetches and unpacks unasked', 'Write COPY.']),
    ...file
      .getCOPYs()
      .filter((one) => !one.getFlags().some((flag) => flag.getName() === 'from'))
      .flatMap((one) =>
        wordsOf(one)
          .slice(0, -1)
          .map((word) => [one, normalize(word)] as const),
      )
      .flatMap(([one, path]) => [
        ...when(path === '.' || path === './', one, 'it copies everything there is', 'Name what the build needs.'),
        ...when(!existsSync(join(root, path)), one, `there is no ${path}`, 'Name what is there.'),
        ...when(!isGiven(path, patterns), one, `${IGNORE} keeps ${path} from the build`, `Write !${path} there.`),
      ]),
  ];
};

const RULES: readonly Rule[] = [base, user, commands, network, secrets, installs, sources];

/** The first pattern keeps everything out; what a developer has beside the Dockerfile then needs no pattern. */
function ignoreFindings(root: string): Finding[] {
  const [first] = ignorePatterns(readFileSync(join(root, IGNORE), 'utf8'));
  const isAllowList = first?.glob === '*' && !first.lets;
  return isAllowList
    ? []
    : [
        {
          file: IGNORE,
          line: 1,
          problem: 'it lets in what it does not name',
          cure: 'Begin with * and let in by !name.',
        },
      ];
}

/** What docker, buildah and BuildKit accept, and still must not be in this image. */
export const dockerfile: InfraCheck = {
  name: 'Dockerfile',
  run: (root) => {
    const file = DockerfileParser.parse(readFileSync(join(root, FILE), 'utf8'));
    const stages = stagesOf(file);
    const last = stages.at(-1);
    if (!last) return [{ file: FILE, line: 1, problem: 'there is no FROM', cure: 'Begin with FROM ${NODE_IMAGE}.' }];
    const problems = RULES.flatMap((rule) => rule({ root, file, stages, last }));
    const findings = problems.map(([at, problem, cure]) => ({
      file: FILE,
      line: (at?.getRange().start.line ?? 0) + 1,
      problem,
      cure,
    }));
    return [...findings, ...ignoreFindings(root)];
  },
};
