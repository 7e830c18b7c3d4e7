import { z } from 'zod';
import { listenProblem } from './access-rules.js';
import { formatPath, type ConfigProblem } from './config-error.js';
import { name } from './config-scalars.js';
import { keySchema, routerConfigSchema, serverSchema } from './config.schema.js';
import { jwtProblems, jwtSchema } from './jwt.schema.js';
import { AUTO_MODEL } from './live-config.js';

/** What cannot be read is `null`: the schema itself says what is wrong with it. */
const readable = <T extends z.ZodType>(schema: T) => schema.nullable().catch(null);
const names = z.array(readable(name)).catch([null]);
const listOf = <T extends z.ZodType>(entry: T) => z.array(readable(entry)).default([]).catch([null]);
const mapOf = <T extends z.ZodType>(value: T) => z.record(z.string(), value).default({}).catch({});

const references = z.object({
  targets: listOf(z.object({ id: readable(name) })),
  models: listOf(z.object({ name: readable(name), targets: names, strong: listOf(name), weights: mapOf(z.unknown()) })),
  tenants: mapOf(readable(z.object({ targets: names }))),
  auth: readable(
    z.object({
      keys: listOf(z.object({ id: readable(name), sha256: readable(keySchema.shape.sha256) })),
    }),
  ),
});
const doors = z.object({
  server: readable(z.object({ host: readable(serverSchema.shape.host) }).prefault({})),
  auth: readable(routerConfigSchema.shape.auth),
});
const tokens = z.object({ auth: readable(z.object({ jwt: readable(jwtSchema.prefault({})) }).prefault({})) });

const ports = z.object({
  server: readable(z.object({ port: readable(serverSchema.shape.port) }).prefault({})),
  telemetry: readable(z.object({ metricsPort: z.int().catch(0) })),
});

type Names = readonly (string | null | undefined)[];
type Place = readonly [value: string, index: number];

const isName = (value: Names[number]): value is string => typeof value === 'string';
/** The names that stand further up in the list too. */
const repeated = (list: Names): Place[] =>
  list.flatMap((value, i): Place[] => (isName(value) && list.indexOf(value) < i ? [[value, i]] : []));
/** The names that are not known. As long as one of the known cannot be read, any may be that one. */
const strange = (list: Names, known: Names): Place[] =>
  known.every(isName)
    ? list.flatMap((value, i): Place[] => (isName(value) && !known.includes(value) ? [[value, i]] : []))
    : [];

/**
 * What is wrong between the parts of a file: names that are used twice or belong to nothing, an address that is open to
 * everybody. Reads no more than these names, so a file that is wrong elsewhere has them checked all the same.
 *
 * @param file interpolated, before the schema; an object
 */
export function crossReferences(file: unknown): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const complain = (path: readonly PropertyKey[], message: string) =>
    problems.push({ path: formatPath(path), message });
  const { targets, models, tenants, auth } = references.parse(file);
  const ids = targets.map((target) => target?.id);
  const modelNames = models.map((model) => model?.name);
  const keys = auth?.keys ?? [];

  for (const [id, i] of repeated(ids)) complain(['targets', i, 'id'], `target id "${id}" is used twice`);
  ids.forEach((id, i) => {
    if (id === AUTO_MODEL) complain(['targets', i, 'id'], `"${id}" is the name of a model; choose another id`);
  });
  for (const [own, i] of repeated(modelNames)) complain(['models', i, 'name'], `model name "${own}" is used twice`);
  modelNames.forEach((own, i) => {
    if (isName(own) && ids.includes(own)) complain(['models', i, 'name'], `"${own}" is already the id of a target`);
  });
  models.forEach((model, i) => {
    if (!model) return;
    const known = `known: ${[...new Set(ids)].join(', ') || 'none'}`;
    for (const [id, k] of strange(model.targets, ids))
      complain(['models', i, 'targets', k], `no target has the id "${id}"; ${known}`);
    for (const [id, k] of strange(model.strong, model.targets))
      complain(['models', i, 'strong', k], `"${id}" is not among this model's targets`);
    for (const [id] of strange(names.parse(Object.keys(model.weights)), model.targets))
      complain(['models', i, 'weights', id], `"${id}" is not among this model's targets`);
  });
  for (const [tenant, rights] of Object.entries(tenants)) {
    for (const [id, k] of strange(rights?.targets ?? [], ids))
      complain(['tenants', tenant, 'targets', k], `no target has the id "${id}"`);
  }
  for (const [id, i] of repeated(keys.map((key) => key?.id)))
    complain(['auth', 'keys', i, 'id'], `key id "${id}" is used twice`);
  for (const [, i] of repeated(keys.map((key) => key?.sha256)))
    complain(['auth', 'keys', i, 'sha256'], 'this key is already listed');
  const { jwt } = tokens.parse(file).auth ?? {};
  return [...problems, ...(jwt ? jwtProblems(jwt) : []), ...openDoor(file), ...takenPort(file)];
}

function openDoor(file: unknown): ConfigProblem[] {
  const { server, auth } = doors.parse(file);
  const problem = server?.host && auth ? listenProblem({ server: { host: server.host }, auth }) : null;
  return problem ? [problem] : [];
}

function takenPort(file: unknown): ConfigProblem[] {
  const { server, telemetry } = ports.parse(file);
  if (!telemetry?.metricsPort || telemetry.metricsPort !== server?.port) return [];
  const message = 'server.port is the same; choose another port, or 0 for /metrics beside everything else';
  return [{ path: 'telemetry.metricsPort', message }];
}
