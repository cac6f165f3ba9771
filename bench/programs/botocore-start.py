import botocore.session

botocore.session.get_session().get_credentials().get_frozen_credentials()
