import { Event } from '@jupyterlab/services';
import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { post, request } from './request';
import { IView } from './view';

/** Milliseconds between two questions: while the panel is open (the session looks as often), and else. */
const OFTEN = 10000;
const SELDOM = 30000;
const NOTICES = 'https://jupyter-session/notice/v1';

/** A sentence for the person in the browser; `stop_at` is when the session ends, in epoch seconds. */
export interface INotice {
  text: string;
  stop_at: number | null;
  at: number;
}

/** The session as this tab knows it, and what can be done with it. */
export class Session {
  constructor(events: Event.IManager) {
    this._poll = new Poll({
      name: 'jupyter-session:status',
      factory: () => this._ask(),
      frequency: { interval: SELDOM, backoff: true, max: SELDOM },
      standby: 'when-hidden'
    });
    events.stream.connect((_, event) => {
      if (event.schema_id === NOTICES) {
        this._noticed.emit(event as unknown as INotice);
        void this.refresh();
      }
    });
  }

  /** The newest view, null until there is one. */
  get view(): IView | null {
    return this._view;
  }

  /** Why the server can't be asked, or an empty text. */
  get failure(): string {
    return this._failure;
  }

  /** What the server's clock shows now, in seconds. */
  get now(): number {
    return Date.now() / 1000 + this._ahead;
  }

  /** A signal that the view or the failure is new. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A signal with each notice. */
  get noticed(): ISignal<this, INotice> {
    return this._noticed;
  }

  /** Ask often from now on, or seldom. */
  watch(often: boolean): void {
    this._poll.frequency = { ...this._poll.frequency, interval: often ? OFTEN : SELDOM };
    void this.refresh();
  }

  /** Ask now. */
  refresh(): Promise<void> {
    return this._poll.refresh();
  }

  /** Keep the session alive for so many seconds; return the session's sentence on it. */
  async extend(seconds: number): Promise<string> {
    return this._act('extend', { seconds });
  }

  /** Bring here what is new on the access point. */
  async fetch(): Promise<string> {
    return this._act('fetch', { paths: [] });
  }

  /** End the session in order. */
  async stop(): Promise<string> {
    return this._act('stop', {});
  }

  private async _act(verb: string, body: object): Promise<string> {
    const { text } = await post<{ text: string }>(verb, body);
    void this.refresh();
    return text;
  }

  private async _ask(): Promise<void> {
    try {
      this._view = await request<IView>('status?no_track_activity=1', {});
      this._ahead = this._view.now - Date.now() / 1000;
      this._failure = '';
    } catch (error) {
      this._failure = error instanceof Error ? error.message : String(error);
      throw error; // the poll then waits longer
    } finally {
      this._changed.emit();
    }
  }

  private _view: IView | null = null;
  private _failure = '';
  private _ahead = 0;
  private _poll: Poll;
  private _changed = new Signal<this, void>(this);
  private _noticed = new Signal<this, INotice>(this);
}
