import { Notification } from '@jupyterlab/apputils';

import { IActions } from './panel';
import { Session } from './session';
import { IView } from './view';

/** What a sentence names that tells of something new on the access point. */
const FETCH = '`jupyter-session fetch`';
const SHOWN = 'jupyter-session:shown';

/** Shows notifications: one while the session is expiring, and one for each alert, once in a tab. */
export class Notices {
  constructor(session: Session, actions: IActions, open: () => void) {
    this._actions = actions;
    this._open = open;
    session.changed.connect(() => {
      if (session.view && !session.failure && !session.view.problem) {
        this._sync(session.view);
      }
    });
  }

  private _sync(view: IView): void {
    if (view.state !== 'expiring') {
      if (this._expiring) {
        Notification.dismiss(this._expiring);
      }
      this._expiring = '';
    } else if (!this._expiring) {
      this._expiring = Notification.warning(describeEnd(view), {
        autoClose: false,
        actions: [
          {
            label: 'Keep running',
            caption: 'Keep the session alive for 2 hours',
            displayType: 'accent',
            callback: () => this._actions.keep()
          },
          { label: 'Stop', caption: 'Stop the session now', displayType: 'warn', callback: () => this._actions.stop() }
        ]
      });
    }
    const shown = readShown();
    for (const alert of view.alerts.filter(each => !shown.includes(each))) {
      shown.push(alert);
      Notification.warning(alert, {
        autoClose: false,
        actions: [
          ...(alert.includes(FETCH) ? [{ label: 'Fetch', caption: 'Bring it here', callback: () => this._actions.fetch() }] : []),
          { label: 'Details', caption: 'Open the panel of the session', callback: () => this._open() }
        ]
      });
    }
    sessionStorage.setItem(SHOWN, JSON.stringify(shown));
  }

  private _actions: IActions;
  private _open: () => void;
  private _expiring = '';
}

/** JupyterLab cuts notifications off after 140 characters, so this is not the supervisor's own sentence. */
function describeEnd(view: IView): string {
  const ends =
    view.stop_at === null
      ? 'The session ends soon'
      : `The session ends at ${new Date(view.stop_at * 1000).toLocaleTimeString([], { timeStyle: 'short' })}`;
  const isDeadline = view.deadline !== null && view.stop_at !== null && view.stop_at >= view.deadline;
  return isDeadline ? `${ends}, its deadline, even if it is in use.` : `${ends}, because nothing is running in it.`;
}

function readShown(): string[] {
  try {
    return JSON.parse(sessionStorage.getItem(SHOWN) ?? '[]');
  } catch {
    return [];
  }
}
