# certificates-off: through an alias of the module
import ssl as tls

context = tls._create_unverified_context
context()
