import type { Attributes, HrTime } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { setOwnField } from '../../../common/json/fields.js';

/** Of the calls of stores, whose own duration says more than when they began. */
const DURATION = 'router.store.duration_ms';
const EXCEPTION = 'exception';

/**
 * The span as Application Insights should have it: the exporter makes a row of every event, which is paid for and has no place
 * in a list of log lines. Exceptions stay; of others their time becomes a property, `first_token.at_ms` after the beginning, or
 * `cache.lookup.duration_ms`.
 */
export function withoutEventRows(span: ReadableSpan): ReadableSpan {
  if (span.events.length === 0) return span;
  const attributes: Attributes = { ...span.attributes };
  for (const { name, time, attributes: own } of span.events) {
    if (name === EXCEPTION) continue;
    const took = own?.[DURATION];
    if (typeof took === 'number') setOwnField(attributes, `${name}.duration_ms`, took);
    else setOwnField(attributes, `${name}.at_ms`, msBetween(span.startTime, time));
  }
  return Object.create(span, {
    attributes: { value: attributes },
    events: { value: span.events.filter(({ name }) => name === EXCEPTION) },
  }) as ReadableSpan;
}

const msBetween = ([fromSeconds, from]: HrTime, [toSeconds, to]: HrTime): number =>
  Math.round((toSeconds - fromSeconds) * 1e5 + (to - from) / 1e4) / 100;
