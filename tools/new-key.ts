import { hash, randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import { API_KEY_PREFIX } from '../src/common/secret-shapes.js';
import { keySchema } from '../src/common/config/config.schema.js';
import { fieldPath } from '../src/common/json/fields.js';
import { issueMessage } from '../src/common/issue-message.js';
import { readOptions, runCommand, UsageError } from './command.js';

const USAGE = `Usage: npm run key:new -- [options]: a fresh API key, shown once, and the lines for auth.keys
  --id <name>          what the key is called in the configuration (default key-<beginning of its hash>)
  --tenant <name>      whose sessions, answers and targets it has (default main)
  --user <name>        whose limits and budget it draws on (default the id)
  --scopes <a,b>       chat, admin, operator (default chat)`;
/** 256 bits, as the hash that is kept of it. */
const RANDOM_BYTES = 32;

/** Prints a key, its SHA-256 and its entry in the configuration. Nothing of it is kept. */
function newKey(): void {
  const values = readOptions({
    id: { type: 'string' },
    tenant: { type: 'string', default: 'main' },
    user: { type: 'string' },
    scopes: { type: 'string', default: 'chat' },
  });
  const key = API_KEY_PREFIX + randomBytes(RANDOM_BYTES).toString('hex');
  const sha256 = hash('sha256', key);
  const id = values.id ?? `key-${sha256.slice(0, 8)}`;
  const scopes = values.scopes.split(',').map((scope) => scope.trim());
  const entry = { id, sha256, tenant: values.tenant, user: values.user ?? id, scopes };
  const { error } = keySchema.safeParse(entry);
  if (error) throw new UsageError(error.issues.map(problem).join('\n'));
  console.log(`API key, shown this once:  ${key}`);
  console.log(`SHA-256:                   ${sha256}`);
  console.log('\nFor router.config.yaml; a running service takes it in at once:\n');
  console.log(stringify({ auth: { keys: [entry] } }, { lineWidth: 0 }).trimEnd());
}

const problem = ({ path, message }: { path: PropertyKey[]; message: string }): string =>
  `--${fieldPath(path)}: ${issueMessage(message)}`;

await runCommand(USAGE, newKey);
