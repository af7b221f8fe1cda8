/**
 * The landing page: links to the other routes, a line a target, a line a present hotspot. HTML without a script
 * and without any external asset. Whatever comes from outside, keys above all, passes through `escapeHtml`.
 */
import { createHash } from 'node:crypto';
import type { Finding, FindingKey, TargetStatus } from '../model.ts';
import { presentHotspots } from './series.ts';
import type { AgentView } from './view.ts';

/** Rows of hotspots; the API has all of them. */
const MAX_ROWS = 50;

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid #8884; }
td { overflow-wrap: anywhere; }
nav a { margin-right: 1rem; }
.critical, .failed { color: #d33; font-weight: 600; }
.warning, .partial { color: #b70; font-weight: 600; }
`;

/** Lets exactly the one style in and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export function renderPage(view: AgentView): string {
  const targets = view.targets();
  const hotspots = presentHotspots(targets.flatMap((status) => status.findings));
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>hotspot-agent</title><style>${STYLE}</style></head>
<body>
<h1>hotspot-agent</h1>
<p>Version ${escapeHtml(view.version)}, running since ${escapeHtml(view.startedAt.toISOString())}; ${escapeHtml(readiness(view))}.</p>
<nav><a href="/metrics">/metrics</a><a href="/api/v1/findings">/api/v1/findings</a><a href="/api/v1/targets">/api/v1/targets</a><a href="/readyz">/readyz</a><a href="/healthz">/healthz</a></nav>
<h2>Hotspots</h2>
${renderHotspots(hotspots)}
<h2>Targets</h2>
<table><tr><th>target</th><th>system</th><th>last poll</th><th>state</th><th>absences</th></tr>
${targets.map(renderTarget).join('\n')}
</table>
</body>
</html>
`;
}

function readiness(view: AgentView): string {
  const { ready, reason } = view.ready();
  return ready ? 'ready' : `not ready: ${reason}`;
}

function renderHotspots(hotspots: readonly Finding[]): string {
  if (hotspots.length === 0) return '<p>None at present.</p>';
  const more = hotspots.length - MAX_ROWS;
  return `<table><tr><th>state</th><th>target</th><th>peer</th><th>why</th><th>key</th><th>first remedy</th><th>since</th></tr>
${hotspots.slice(0, MAX_ROWS).map(renderHotspot).join('\n')}
</table>${more > 0 ? `<p>and ${more} more in <a href="/api/v1/findings">/api/v1/findings</a></p>` : ''}`;
}

function renderHotspot(finding: Finding): string {
  const [key] = finding.keys;
  const link = `/api/v1/hotspots/${encodeURIComponent(finding.id)}`;
  return row([
    `<a class="${escapeHtml(finding.severity)}" href="${escapeHtml(link)}">${escapeHtml(`${finding.state}, ${finding.severity}`)}</a>`,
    escapeHtml(finding.target),
    `${isolate(finding.peer)} of ${isolate(finding.scope)}`,
    isolate(finding.cause.statement),
    key === undefined ? 'not known' : `<code>${isolate(key.key)}</code> ${escapeHtml(describeShare(key))}`,
    escapeHtml(finding.recommendations[0]?.mitigation.replaceAll('_', ' ') ?? 'none'),
    escapeHtml(finding.since),
  ]);
}

function describeShare({ share, low, high }: FindingKey): string {
  const percent = (ratio: number) => `${Math.round(ratio * 100)} %`;
  const bounds = `${percent(low)} to ${percent(high)}`;
  return share === undefined ? bounds : `${percent(share)} (${bounds})`;
}

function renderTarget(status: TargetStatus): string {
  const outcome = status.outcome ?? 'not polled yet';
  const { error } = status;
  const why = error === undefined ? '' : `: ${isolate(`${error.code}, ${error.reason}`)}`;
  return row([
    escapeHtml(status.target),
    escapeHtml(status.system),
    escapeHtml(status.lastPoll ?? 'never'),
    `<span class="${escapeHtml(status.outcome ?? '')}">${escapeHtml(outcome)}</span>${why}`,
    String(status.absences.length),
  ]);
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

/** Escaped, and kept from turning the direction of the text around it. */
function isolate(text: string): string {
  return `<bdi>${escapeHtml(text)}</bdi>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
