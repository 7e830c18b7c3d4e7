import { ModelNotAllowed, ModelNotFound, NoTargetAvailable } from './app-error.js';
import type { ModelConfig, RouterConfig } from './config/config.schema.js';
import type { TargetStatus } from './target.js';
import { TenantTargets } from './tenant-targets.js';

/** Names shown when a model is not found. */
const NAMES_SHOWN = 8;

/** What a name stands for: a model, or with `model: null` a target itself. */
export interface NamedTargets {
  readonly model: ModelConfig | null;
  /** At least one, in the model's order. */
  readonly targets: readonly TargetStatus[];
}

/**
 * The targets that a name stands for. What the tenant may not use is not there: no later step, and so no answer, can name
 * it.
 *
 * @param targets all of them
 * @throws ModelNotAllowed for a tenant with targets of its own, whether the name exists elsewhere or not; ModelNotFound
 * @throws NoTargetAvailable when a reload has just removed every target of the model
 */
export function namedTargets(
  name: string,
  targets: readonly TargetStatus[],
  config: Pick<RouterConfig, 'models' | 'tenants'>,
  tenant: string,
): NamedTargets {
  const own = new TenantTargets(config, tenant);
  const usable = own.of(targets);
  const model = config.models.find((one) => one.name === name);
  if (model && own.reaches(model)) return { model, targets: targetsOf(model, usable) };
  const target = usable.find(({ id }) => id === name);
  if (target) return { model: null, targets: [target] };
  throw unknownName(config, usable, own);
}

/** The targets of a model in its own order; one that a reload has just removed is left out. */
function targetsOf(model: ModelConfig, targets: readonly TargetStatus[]): TargetStatus[] {
  const found: TargetStatus[] = [];
  for (const id of model.targets) {
    const target = targets.find((one) => one.id === id);
    if (target) found.push(target);
  }
  if (found.length > 0) return found;
  throw new NoTargetAvailable(`Model ${model.name} has no target at the moment.`, 1);
}

function unknownName({ models }: Pick<RouterConfig, 'models'>, usable: readonly TargetStatus[], own: TenantTargets) {
  const reached = models.filter((model) => own.reaches(model)).map(({ name }) => name);
  const names = [...reached, ...usable.map(({ id }) => id)];
  const more = names.length > NAMES_SHOWN ? ', ... (GET /v1/models lists all)' : '';
  const known = `${names.slice(0, NAMES_SHOWN).join(', ')}${more}`;
  return own.isLimited
    ? new ModelNotAllowed(`There is no model of that name that your tenant may use. It may use: ${known}.`, 'model')
    : new ModelNotFound(`There is no model or target of that name. Known: ${known}.`, 'model');
}
