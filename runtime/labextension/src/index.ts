import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';

import { Session } from './session';
import { StatusItem } from './status';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-session:plugin',
  description: 'Shows the HTCondor session in which JupyterLab runs.',
  autoStart: true,
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, statusBar: IStatusBar | null): void => {
    const session = new Session(app.serviceManager.events);
    statusBar?.registerStatusItem('jupyter-session:status', {
      item: new StatusItem(session, () => void session.refresh()),
      align: 'middle',
      rank: 1,
      isActive: () => true
    });
  }
};

export default plugin;
