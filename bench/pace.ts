/** How much of everything. */
export interface Pace {
  readonly rounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
  readonly oneCallerBlocks: number;
  readonly oneCallerRequests: number;
  /** Direct and routed. */
  readonly streamPairs: number;
  readonly streamRounds: number;
  /** Streams one after the other on each of 200 connections. */
  readonly crowdRounds: number;
  /** Of the rows about kept and shared answers, which compare two loads of one program. */
  readonly answers: {
    readonly rounds: number;
    readonly roundMs: number;
    readonly warmUpMs: number;
    /** Of shared streams, 1.3 s each. */
    readonly streamRounds: number;
  };
  /** Of what a caller's credential and limits cost: small differences, so many rounds. */
  readonly admission: { readonly rounds: number; readonly roundMs: number; readonly warmUpMs: number };
  readonly decisions: number;
  readonly starts: number;
  /** DESIGN section 9 asks for 20. */
  readonly soakMinutes: number;
}

export const QUICK: Pace = {
  rounds: 3,
  roundMs: 400,
  warmUpMs: 800,
  oneCallerBlocks: 3,
  oneCallerRequests: 400,
  streamPairs: 1,
  streamRounds: 1,
  crowdRounds: 2,
  answers: { rounds: 3, roundMs: 400, warmUpMs: 500, streamRounds: 2 },
  admission: { rounds: 9, roundMs: 250, warmUpMs: 500 },
  decisions: 2_000,
  starts: 3,
  soakMinutes: 2,
};
export const FULL: Pace = {
  rounds: 9,
  roundMs: 1_500,
  warmUpMs: 4_000,
  oneCallerBlocks: 11,
  oneCallerRequests: 1_000,
  streamPairs: 3,
  streamRounds: 3,
  crowdRounds: 5,
  answers: { rounds: 5, roundMs: 800, warmUpMs: 2_500, streamRounds: 6 },
  admission: { rounds: 25, roundMs: 400, warmUpMs: 3_000 },
  decisions: 10_000,
  starts: 5,
  soakMinutes: 20,
};
