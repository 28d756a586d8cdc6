"""Run the application until the link is there and the API has answered."""

from keyfob.app import App, run


class Linking(App):
    asks_first = False  # whoever runs this has asked already

    async def idle(self):
        pass


run(Linking)
