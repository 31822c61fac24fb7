"""Google's shapes under Segment's names: the GA4 Measurement Protocol, gtag's requests and GTM's `dataLayer`.

A shop that already describes its pages to Google describes them to Kith with the same words. `names` is the dictionary,
`ecommerce` reads its objects, and one module each reads what the protocol, the tag and the data layer send.
"""
