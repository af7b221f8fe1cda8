/**
 * The answers of the JSON API as pure functions of the view: which findings a query selects, one hotspot by its id,
 * and what may be said of a target. Everything is picked field by field, so that nothing new leaks by itself.
 */
import type { Finding, HotspotState, Severity, TargetStatus } from '../model.ts';
import type { AgentView } from './view.ts';

/** The body of every answer that is not a success. */
export interface ApiError {
  readonly error: {
    readonly code: 'bad_request' | 'not_found' | 'method_not_allowed' | 'not_ready' | 'internal';
    /** What is wrong, where, and how to mend it. */
    readonly message: string;
    /** What would have been accepted in its place. */
    readonly allowed?: readonly string[];
  };
}

export type ApiResult<T> =
  | { readonly ok: true; readonly body: T }
  | { readonly ok: false; readonly status: 400 | 404; readonly body: ApiError };

/** Query parameters as Node's querystring gives them; a repeated one is an array. */
export type Query = Readonly<Record<string, unknown>>;

const STATES = Object.keys({ suspected: 1, open: 1, resolved: 1 } satisfies Record<HotspotState, 1>);
const SEVERITIES = Object.keys({ info: 1, warning: 1, critical: 1 } satisfies Record<Severity, 1>);

/** The findings of all targets that every filter lets through; a repeated filter lets any of its values through. */
export function selectFindings(view: AgentView, query: Query): ApiResult<readonly Finding[]> {
  const targets = view.targets();
  const filters = {
    target: targets.map(({ target }) => target),
    state: STATES,
    severity: SEVERITIES,
  } as const satisfies Partial<Record<keyof Finding, readonly string[]>>;

  let findings = targets.flatMap((status) => status.findings);
  for (const [name, given] of Object.entries(query)) {
    if (!Object.hasOwn(filters, name)) {
      return refuse(400, 'bad_request', `unknown query parameter ${quote(name)}`, Object.keys(filters));
    }
    const filter = name as keyof typeof filters;
    const wanted = (Array.isArray(given) ? given : [given]).map(String);
    const unknown = wanted.find((value) => !filters[filter].includes(value));
    if (unknown !== undefined) {
      return refuse(400, 'bad_request', `unknown ${filter} ${quote(unknown)}`, filters[filter]);
    }
    findings = findings.filter((finding) => wanted.includes(finding[filter]));
  }
  return { ok: true, body: findings };
}

/** The finding of one hotspot, or a 404 with the ids there are. */
export function findHotspot(view: AgentView, id: string): ApiResult<Finding> {
  const findings = view.targets().flatMap((status) => status.findings);
  const found = findings.find((finding) => finding.id === id);
  if (found !== undefined) return { ok: true, body: found };
  const ids = findings.map((finding) => finding.id);
  return refuse(404, 'not_found', `no hotspot has the id ${quote(id)}; /api/v1/findings lists those there are`, ids);
}

/** Every target's latest known, its signals in brief. */
export function describeTargets(view: AgentView) {
  return view.targets().map(describeTarget);
}

function describeTarget(status: TargetStatus) {
  const { target, system, lastPoll, outcome, error, signals, findings, absences, standingKeys, totals } = status;
  return {
    target,
    system,
    lastPoll,
    outcome,
    error: error === undefined ? undefined : { code: error.code, reason: error.reason, remedy: error.remedy },
    hotspots: findings.map(({ id, peer, state, severity }) => ({ id, peer, state, severity })),
    signals: signals.map((signal) => ({
      scope: signal.scope.name,
      resource: signal.resource.name,
      unit: signal.resource.unit,
      kind: signal.resource.kind,
      skew: signal.skew,
      undecided: signal.undecided,
      pressure: signal.pressure,
      peers: signal.peers.length,
      absent: signal.absent,
      hottest: signal.peers[0]?.peer,
    })),
    absences: absences.map(({ scope, peer, resource, code, reason, remedy }) => ({
      scope,
      peer,
      resource,
      code,
      reason,
      remedy,
    })),
    standingKeys,
    totals,
  };
}

function refuse(
  status: 400 | 404,
  code: ApiError['error']['code'],
  message: string,
  allowed: readonly string[],
): ApiResult<never> {
  return { ok: false, status, body: { error: { code, message, allowed } } };
}

/** What a client sent, shortened: an error message is no place for a megabyte. */
function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
