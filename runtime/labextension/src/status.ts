import { Widget } from '@lumino/widgets';

import { Session } from './session';
import { describeBriefly } from './view';

/** The session in the status bar: a button that shows the time left and what keeps it alive, and opens the panel. */
export class StatusItem extends Widget {
  constructor(session: Session, open: () => void) {
    super({ node: document.createElement('div') });
    this.addClass('jp-mod-highlighted');
    this.addClass('jp-session-status');
    this._button = document.createElement('button');
    this._button.type = 'button';
    this._button.addEventListener('click', open);
    this.node.append(this._button);
    this._session = session;
    session.changed.connect(this._render, this);
    this._timer = window.setInterval(() => this._render(), 1000);
    this._render();
  }

  dispose(): void {
    window.clearInterval(this._timer);
    this._session.changed.disconnect(this._render, this);
    super.dispose();
  }

  private _render(): void {
    const { view, failure, now } = this._session;
    let text = 'Session: …';
    let title = 'The session is being asked.';
    if (failure) {
      text = 'Session: not connected';
      title = `JupyterLab can't ask its server about the session: ${failure}`;
    } else if (view) {
      text = describeBriefly(view, now);
      title = view.problem || view.sentence;
    }
    if (this._button.textContent !== text) {
      this._button.textContent = text;
    }
    this._button.title = title;
    this.toggleClass('jp-mod-expiring', view?.state === 'expiring' && !failure);
  }

  private _session: Session;
  private _button: HTMLButtonElement;
  private _timer: number;
}
