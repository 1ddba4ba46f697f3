import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, Notification, showDialog } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ILauncher } from '@jupyterlab/launcher';
import { IStatusBar } from '@jupyterlab/statusbar';

import { Notices } from './notices';
import { IActions, SessionPanel, sessionIcon } from './panel';
import { recorderPlugin } from './recorder';
import { Session } from './session';
import { StatusItem } from './status';
import { tensorBoardPlugin } from './tensorboard';
import { uploadsPlugin } from './uploads';

const KEPT = 7200; // seconds
const CATEGORY = 'HTCondor Session';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-session:plugin',
  description: 'Shows the HTCondor session in which JupyterLab runs, and keeps or stops it.',
  autoStart: true,
  optional: [IStatusBar, ICommandPalette, ILauncher, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    statusBar: IStatusBar | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const session = new Session(app.serviceManager.events);
    const actions = makeActions(session);
    const panel = new SessionPanel(session, actions);
    const open = (): void => app.shell.activateById(panel.id);
    app.shell.add(panel, 'right', { rank: 900, type: 'Session' });
    restorer?.add(panel, panel.id);
    new Notices(session, actions, open);
    statusBar?.registerStatusItem('jupyter-session:status', {
      item: new StatusItem(session, open),
      align: 'middle',
      rank: 1,
      isActive: () => true
    });
    const commands: [string, string, () => void][] = [
      ['show', 'Show the Session', open],
      ['keep', 'Keep the Session for 2 h', actions.keep],
      ['fetch', 'Fetch What Is New on the Access Point', actions.fetch],
      ['stop', 'Stop the Session…', actions.stop],
      ['page', 'Session Page', actions.openPage]
    ];
    for (const [name, label, execute] of commands) {
      const command = `jupyter-session:${name}`;
      app.commands.addCommand(command, { label, icon: sessionIcon, execute });
      palette?.addItem({ command, category: CATEGORY });
    }
    launcher?.add({ command: 'jupyter-session:page', category: 'Other', rank: 100 });
  }
};

function makeActions(session: Session): IActions {
  const report = async (doing: Promise<string>): Promise<void> => {
    try {
      Notification.info(await doing, { autoClose: 10000 });
    } catch (error) {
      Notification.error(error instanceof Error ? error.message : String(error), { autoClose: false });
    }
  };
  const stop = async (): Promise<void> => {
    const { button } = await showDialog({
      title: 'Stop the session?',
      body: 'Its kernels and terminals end, and the notebooks go back to the access point. Save your work first.',
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: 'Stop' })],
      defaultButton: 0
    });
    if (button.accept) {
      await report(session.stop());
    }
  };
  return {
    keep: () => void report(session.extend(KEPT)),
    fetch: () => void report(session.fetch()),
    stop: () => void stop(),
    openPage: () => void window.open(URLExt.join(PageConfig.getBaseUrl(), 'jupyter-session'), '_blank', 'noopener')
  };
}

export default [plugin, recorderPlugin, tensorBoardPlugin, uploadsPlugin];
