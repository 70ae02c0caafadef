"""What Bedrock Runtime says.

One neutral answer (:mod:`.content`) is rendered as ConverseStream events and a Converse body
(:mod:`.converse`), and as the native JSON of each model family (:mod:`.families`); :mod:`.frames`
puts either on the wire. The judge of all of it is botocore's own service model (:mod:`.model`).
"""
