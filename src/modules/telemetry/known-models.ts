import { Injectable } from '@nestjs/common';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { AUTO_MODEL, LiveConfig } from '../../common/config/live-config.js';
import { BoundedMap } from '../../common/bounded-map.js';
import { cutText } from '../../common/cut-text.js';
import { OTHER } from '../../common/logging/outside-text.js';
import { redact } from '../../common/logging/redact.js';
import { embeddingModels } from '../../common/target.js';

const MOST_CHARACTERS = 128;
/** Model servers name few models; one that makes a new name up for every answer costs no memory. */
const MOST_REMEMBERED = 1_000;

const namesIn = ({ models, targets }: RouterConfig): ReadonlySet<string> =>
  new Set([
    ...[AUTO_MODEL, ...models.map(({ name }) => name)],
    ...[...targets.map(({ id }) => id), ...embeddingModels(targets)],
  ]);

/** The names of models as they may stand in logs, spans and metrics. */
@Injectable()
export class KnownModels {
  private readonly names: () => ReadonlySet<string>;
  private readonly told = new BoundedMap<string, string>(MOST_REMEMBERED);

  constructor(config: LiveConfig) {
    this.names = config.derived(namesIn);
  }

  /** What a caller sent as `model`, if the configuration in force knows it; else `other`. */
  requested(name: string): string {
    return this.names().has(name) ? name : OTHER;
  }

  /** What a model server calls the model that answered, redacted and cut. */
  answered(name: string): string {
    let shown = this.told.get(name);
    if (shown === undefined) {
      shown = redact(cutText(name, MOST_CHARACTERS));
      if (name.length <= MOST_CHARACTERS) this.told.set(name, shown);
    }
    return shown;
  }
}
