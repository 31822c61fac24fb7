"""What Google calls an event, and what Segment's e-commerce specification calls it."""

from typing import Final

EVENTS: Final = {
    "search": "Products Searched",
    "view_search_results": "Products Searched",
    "view_item_list": "Product List Viewed",
    "view_promotion": "Promotion Viewed",
    "select_promotion": "Promotion Clicked",
    "select_item": "Product Clicked",
    "view_item": "Product Viewed",
    "add_to_cart": "Product Added",
    "remove_from_cart": "Product Removed",
    "add_to_wishlist": "Product Added to Wishlist",
    "view_cart": "Cart Viewed",
    "begin_checkout": "Checkout Started",
    "checkout_progress": "Checkout Step Completed",
    "add_shipping_info": "Checkout Step Completed",
    "add_payment_info": "Payment Info Entered",
    "purchase": "Order Completed",
    "ecommerce_purchase": "Order Completed",
    "refund": "Order Refunded",
    "share": "Product Shared",
    "sign_up": "Signed Up",
    "login": "Signed In",
    "generate_lead": "Lead Generated",
}
# Segment speaks of one product in these; Google may list several.
OF_ONE_PRODUCT: Final = frozenset(
    {"Product Clicked", "Product Viewed", "Product Added", "Product Removed", "Product Added to Wishlist"}
)
PAGE: Final = "page_view"
SCREEN: Final = "screen_view"

# The e-commerce actions of Universal Analytics, which many data layers still hold.
ACTIONS: Final = {
    "impressions": "Product List Viewed",
    "promoView": "Promotion Viewed",
    "promoClick": "Promotion Clicked",
    "click": "Product Clicked",
    "detail": "Product Viewed",
    "add": "Product Added",
    "remove": "Product Removed",
    "checkout": "Checkout Started",
    "checkout_option": "Checkout Step Completed",
    "purchase": "Order Completed",
    "refund": "Order Refunded",
}
