import { TraceIdRatioBasedSampler, SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { isRecordedAt } from './incoming-traces.js';
import { readTraceParent, readTraceState, traceParentOf } from './trace-context.js';
import { newSpanId, newTraceId } from './trace-ids.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  it.each([
    [`00-${TRACE}-${SPAN}-01`, 1],
    [`00-${TRACE}-${SPAN}-00`, 0],
    [`00-${TRACE}-${SPAN}-03`, 3],
    [`00-${TRACE}-${SPAN}-ff`, 3], // flags that nobody knows yet
    [`01-${TRACE}-${SPAN}-01`, 1],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, 1],
    [`cc-${TRACE}-${SPAN}-01-`, 1],
  ])('%s', (header, flags) => {
    expect(readTraceParent(header)).toEqual({ traceId: TRACE, parentId: SPAN, flags });
  });

  it.each([
    undefined,
    '',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01-`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `cc-${TRACE}-${SPAN}-011`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN.toUpperCase()}-01`,
    `00-${TRACE}-${SPAN}-0A`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `0-${TRACE}-${SPAN}-01`,
    `.0-${TRACE}-${SPAN}-01`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01 `,
    `00-${TRACE}-${SPAN}-01\n`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`, // as Node joins two headers
  ])('is none: %j', (header) => {
    expect(readTraceParent(header)).toBeNull();
  });

  it('goes out as version 00', () => {
    expect(traceParentOf(TRACE, SPAN, 3)).toBe(`00-${TRACE}-${SPAN}-03`);
  });
});

describe('tracestate', () => {
  it.each(['a=1', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', 'fw529a3039@dt=FfAA;x, b=2', ' a=1 , ,b=2', '0/_-*@a=!'])(
    'goes on as it came: %s',
    (header) => expect(readTraceState(header)).toBe(header),
  );

  it.each([
    ...[undefined, '', ' , ', 'a', 'A=1', 'a=', 'a=1=2', 'a=é', 'a=\n', `${'a'.repeat(257)}=1`, `a=${'1'.repeat(257)}`],
    Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','),
    'x=1,'.repeat(1_000_000),
  ])('is none: %#', (header) => expect(readTraceState(header)).toBeNull());

  it('loses its last members where it is longer than 512 characters', () => {
    const members = Array.from({ length: 5 }, (_, i) => `k${i}=${'v'.repeat(120)}`);
    expect(readTraceState(members.join(','))).toBe(members.slice(0, 4).join(','));
  });
});

describe('ids and what is recorded', () => {
  it('ids are as long as they must be, and each another one', () => {
    const ids = Array.from({ length: 5_000 }, newTraceId);
    expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(5_000);
    expect(newSpanId()).toMatch(/^[0-9a-f]{16}$/);
  });

  it.each([0, 0.1, 0.5, 1])("chooses as OpenTelemetry's sampler does, ratio %d", (ratio) => {
    const sampler = new TraceIdRatioBasedSampler(ratio);
    const recorded = ratio === 1 ? 2 ** 32 : Math.floor(ratio * (2 ** 32 - 1));
    let chosen = 0;
    for (let i = 0; i < 5_000; i += 1) {
      const id = newTraceId();
      const { decision } = sampler.shouldSample(ROOT_CONTEXT, id);
      expect(isRecordedAt(id, recorded)).toBe(decision === SamplingDecision.RECORD_AND_SAMPLED);
      if (isRecordedAt(id, recorded)) chosen += 1;
    }
    expect(Math.abs(chosen / 5_000 - ratio)).toBeLessThan(0.05);
  });
});
