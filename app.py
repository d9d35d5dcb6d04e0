from massadmin import create_app

app = create_app()
