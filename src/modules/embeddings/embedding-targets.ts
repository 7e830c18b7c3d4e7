import { InvalidRequest, ModelNotAllowed, ModelNotFound, PrivacyNoLocalTarget } from '../../common/app-error.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { AUTO_MODEL } from '../../common/config/live-config.js';
import { namedTargets } from '../../common/named-targets.js';
import type { AnsweredPrices } from '../../common/prices/answered-prices.js';
import type { TargetStatus } from '../../common/target.js';
import { unavailable, whyDown } from '../../common/targets-down.js';
import { TenantTargets } from '../../common/tenant-targets.js';

/** The targets of one model; which one answers is of no account to the vectors. */
export interface Embedders {
  /** The model, as it is configured. */
  readonly model: string;
  /** At least one, in the order to try them. */
  readonly targets: readonly TargetStatus[];
  /** `explicit_target` where the caller named the target. */
  readonly reasonCode: 'explicit_target' | 'only_candidate' | 'priority';
}

const embeds = ({ capabilities }: TargetStatus): boolean => capabilities.includes('embeddings');

/**
 * Which model makes the vectors of a name, and its targets. It is the model of the first target that the tenant may use,
 * whether or not that is up: vectors of two models do not belong together, not even in two answers, so a name never stands
 * for another model because a target fails.
 *
 * @param targets all of them
 * @throws ModelNotFound, ModelNotAllowed, InvalidRequest where the name has no target that makes vectors
 */
export function embeddersOf(
  name: string,
  targets: readonly TargetStatus[],
  config: Pick<RouterConfig, 'models' | 'tenants'>,
  tenant: string,
): Embedders {
  const rights = new TenantTargets(config, tenant);
  const own = rights.of(targets).filter(embeds);
  const isName = config.models.some((model) => model.name === name) || targets.some(({ id }) => id === name);
  const ofModel = isName ? [] : own.filter(({ model }) => model === name);
  if (ofModel.length > 0) return together(ofModel, null);
  if (!isName && name !== AUTO_MODEL && own.length > 0) throw unknownName(own, rights.isLimited);
  const named = namedTargets(name, targets, config, tenant);
  let found: readonly TargetStatus[] = named.targets.filter(embeds);
  if (found.length === 0 && name === AUTO_MODEL) found = own;
  if (found.length > 0) return together(found, named.model === null ? 'explicit_target' : null);
  const others = modelsOf(own);
  throw new InvalidRequest(
    `model: no target of this model makes embeddings. ${others ? `Name one that does: ${others}.` : 'One needs capabilities: [embeddings] in the configuration.'}`,
    'model',
  );
}

const modelsOf = (targets: readonly TargetStatus[]): string =>
  [...new Set(targets.map(({ model }) => model))].join(', ');

/** Those that answer here are not the names that chat knows. */
function unknownName(own: readonly TargetStatus[], isLimited: boolean): ModelNotFound | ModelNotAllowed {
  return isLimited
    ? new ModelNotAllowed(
        `There is no model of that name that your tenant may use. For embeddings: ${modelsOf(own)}.`,
        'model',
      )
    : new ModelNotFound(`There is no model or target of that name. For embeddings: ${modelsOf(own)}.`, 'model');
}

function together(found: readonly TargetStatus[], reason: Embedders['reasonCode'] | null): Embedders {
  const { model } = found[0]!;
  const targets = found.filter((target) => target.model === model);
  return { model, targets, reasonCode: reason ?? (targets.length === 1 ? 'only_candidate' : 'priority') };
}

/** Private text in the inputs, in words for the caller. */
export interface PrivateInputs {
  readonly kinds: readonly string[];
  /** The first that has some, such as `input[3]`. */
  readonly field: string;
}

/** The targets that may be asked now, in order, and those that are down. */
export interface AskableTargets {
  readonly candidates: readonly TargetStatus[];
  readonly down: readonly TargetStatus[];
}

/** What the constraints look at. */
export interface EmbedderConstraints {
  /** Where private text must not leave: looks for it; called where there is a target to keep it from. `null` = it may leave. */
  readonly privateInputs: (() => PrivateInputs | null) | null;
  /** Where the caller's budget must be able to count the answer (`limits.unpriced: refuse`). */
  readonly onlyPriced: Pick<AnsweredPrices, 'mayCount'> | null;
  /** 0 to 1, spreads `Retry-After`. */
  readonly random: number;
}

/** Takes out the targets that must not or cannot be asked. @throws PrivacyNoLocalTarget, ModelNotAllowed, NoTargetAvailable */
export function askable(targets: readonly TargetStatus[], constraints: EmbedderConstraints): AskableTargets {
  const { privateInputs, onlyPriced, random } = constraints;
  let left = onlyPriced ? targets.filter((target) => onlyPriced.mayCount(target)) : targets;
  if (left.length === 0) {
    throw new ModelNotAllowed(
      'You have a monthly budget, and no target of this model has a price (targets[].price), so its cost cannot be ' +
        'counted. Name another model, or have a price or limits.unpriced: count set.',
      'model',
    );
  }
  const found = privateInputs && left.some(isCloud) ? privateInputs() : null;
  if (found) left = keptLocal(left, found);
  const candidates = left.filter((target) => whyDown(target) === null);
  const down = left.filter((target) => whyDown(target) !== null);
  if (candidates.length === 0) throw unavailable(down, random);
  return { candidates, down };
}

const isCloud = ({ tier }: TargetStatus): boolean => tier === 'cloud';

function keptLocal(targets: readonly TargetStatus[], { kinds, field }: PrivateInputs): readonly TargetStatus[] {
  const local = targets.filter((target) => !isCloud(target));
  if (local.length > 0) return local;
  throw new PrivacyNoLocalTarget(
    `The request contains private text (${kinds.join(', ')}), which may only go to a local target, and this embedding model ` +
      'has none. Remove it, or name a model with a local target.',
    field,
  );
}
