/** What the server says of the session: see jupyter_session/panel/view.py. Times are in epoch seconds. */
export interface ISource {
  name: string;
  active: boolean;
  since: string;
  sees: string;
}

/** `share` is from 0 to 1, or null. */
export interface IFigure {
  name: string;
  text: string;
  share: number | null;
}

export interface IView {
  now: number;
  problem: string;
  state: string;
  sentence: string;
  stop_at: number | null;
  earliest_stop_at: number | null;
  kept_until: number | null;
  deadline: number | null;
  sources: ISource[];
  figures: IFigure[];
  facts: [string, string][];
  saving: string[];
  arrived: number;
  warnings: string[];
  alerts: string[];
}

/** Return seconds as people read them: `45 s`, `29 min`, `1 h 30 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) {
    return `${whole} s`;
  }
  const minutes = Math.round(whole / 60);
  if (minutes < 60) {
    return `${minutes} min`;
  }
  const hours = Math.floor(minutes / 60);
  const unit = (count: number, name: string): string => (count ? ` ${count} ${name}` : '');
  return hours < 48
    ? `${hours} h${unit(minutes % 60, 'min')}`
    : `${Math.floor(hours / 24)} d${unit(hours % 24, 'h')}`;
}

/** Return the time left and what keeps the session alive, for the status bar, at `now` (seconds, the server's clock). */
export function describeBriefly(view: IView, now: number): string {
  if (view.problem) {
    return 'Session: unknown';
  }
  if (view.state !== 'ready' && view.state !== 'expiring') {
    return `Session: ${view.state}`;
  }
  const active = view.sources.filter(source => source.active).map(source => source.name);
  const { earliest_stop_at: earliest, stop_at: latest, deadline, kept_until: kept } = view;
  const isDeadline = latest !== null && deadline !== null && latest >= deadline;
  let why = active.length ? active.join(', ') : 'idle';
  if (!active.length && kept !== null && kept > now) {
    why = 'kept';
  }
  if (latest === null) {
    // In use without a deadline: `earliest` moves on, so it is not counted down.
    const atLeast = earliest === null ? 'no time limit' : `${formatDuration(earliest - view.now)} or more left`;
    return `Session: ${atLeast} (${why})`;
  }
  if (earliest !== null && earliest < latest) {
    return `Session: ${formatDuration(earliest - view.now)} to ${formatDuration(latest - now)} left (${why})`;
  }
  return `Session: ${formatDuration(latest - now)} left (${isDeadline ? 'deadline' : why})`;
}
